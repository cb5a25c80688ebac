// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The window's program where there is no display.
#include <QProcess>
#include <QTest>

class TestWindowProgram : public QObject {
    Q_OBJECT

    struct Ended {
        int code = -1;
        QByteArray out, words;
    };
    static Ended run(const QStringList& arguments) {
        QProcess program;
        QProcessEnvironment environment;  // no DISPLAY, no WAYLAND_DISPLAY, no QT_QPA_PLATFORM
        environment.insert(QStringLiteral("PATH"), qEnvironmentVariable("PATH"));
        environment.insert(QStringLiteral("HOME"), qEnvironmentVariable("HOME"));
        program.setProcessEnvironment(environment);
        program.start(QCoreApplication::applicationDirPath() + QStringLiteral("/../app/caravan"), arguments);
        if (!program.waitForFinished(20000)) program.kill();
        return {program.exitStatus() == QProcess::NormalExit ? program.exitCode() : -1,
                program.readAllStandardOutput(), program.readAllStandardError()};
    }

  private Q_SLOTS:
    void helpNeedsNoDisplay() {
        const Ended help = run({QStringLiteral("--help")});
        QCOMPARE(help.code, 0);
        QVERIFY(help.out.contains("--demo"));
        QVERIFY(help.out.contains("--screenshot-dir"));
        const Ended version = run({QStringLiteral("--version")});
        QCOMPARE(version.code, 0);
        QVERIFY(version.out.startsWith("caravan "));
    }

    void aMissingDisplayIsSaid() {
        const Ended ended = run({});
        QCOMPARE(ended.code, 1);
        QVERIFY(ended.words.contains("no display"));
        QVERIFY(ended.words.contains("caravan-cli"));
    }
};

QTEST_GUILESS_MAIN(TestWindowProgram)
#include "tst_window_program.moc"
