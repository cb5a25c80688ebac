// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The gallery's pictures, by their properties: they are there, of the right size, not blank, and nothing
// complained.
#include <QImage>
#include <QProcess>
#include <QSet>
#include <QTemporaryDir>
#include <QTest>

class TestGallery : public QObject {
    Q_OBJECT

    static int colorsOf(const QImage& picture) {
        QSet<QRgb> colors;
        for (int y = 0; y < picture.height(); ++y)
            for (int x = 0; x < picture.width(); ++x)
                colors.insert(picture.pixel(x, y));
        return static_cast<int>(colors.size());
    }

    QTemporaryDir m_folder;
    QString m_told;

    [[nodiscard]] QImage picture(const QString& name) const { return QImage(m_folder.filePath(name)); }

  private Q_SLOTS:
    void initTestCase() {
        QProcess gallery;
        gallery.start(QCoreApplication::applicationDirPath() + QStringLiteral("/../app/caravan-gallery"),
                      {m_folder.path()});
        QVERIFY2(gallery.waitForFinished(120000), qPrintable(gallery.errorString()));
        QCOMPARE(gallery.exitStatus(), QProcess::NormalExit);
        QCOMPARE(gallery.exitCode(), 0);
        QStringList complaints;  // painters, fonts and plots tell here what they were given
        for (const QString& line :
             QString::fromUtf8(gallery.readAllStandardError()).split('\n', Qt::SkipEmptyParts))
            if (!line.startsWith("This plugin does not support") && !line.startsWith("QStandardPaths"))
                complaints << line;
        QVERIFY2(complaints.isEmpty(), qPrintable(complaints.join('\n')));
        m_told = QString::fromUtf8(gallery.readAllStandardOutput());
    }

    void everyWidgetDrawsWhateverItIsGiven() {
        int light = 0, dark = 0;
        for (const QString& line : m_told.split('\n', Qt::SkipEmptyParts)) {
            const QStringList words = line.split(' ');  // name, size, drawn or blank, time
            const QImage seen = picture(words[0]);
            QVERIFY2(!seen.isNull(), qPrintable(line));
            const int colors = colorsOf(seen);
            if (words[2] == "drawn") QVERIFY2(colors > 1, qPrintable(line));
            (words[0].endsWith("-dark.png") ? dark : light) += 1;
        }
        QVERIFY2(light >= 40, "extremes of every widget");
        QCOMPARE(light, dark);
    }

    void theManyAreNotDrawnAsTheFew() {
        const QImage full = picture("map_256_experts-light.png"), none = picture("map_not_numbers-light.png"),
                     text = picture("tokens_40000-light.png");
        QVERIFY2(colorsOf(full) > 40, "a map of many loads has many colors");
        QVERIFY2(colorsOf(full) > colorsOf(none), "unknown loads must not look like loads");
        QVERIFY2(colorsOf(text) > 40, "eight hues with their tints");
    }
};

QTEST_MAIN(TestGallery)
#include "tst_gallery.moc"
