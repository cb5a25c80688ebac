// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The window's program: where there is no display, and where its project is open already.
#include <QDir>
#include <QProcess>
#include <QTemporaryDir>
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

    void aProjectHasOneWindow() {
        QTemporaryDir home;
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert(QStringLiteral("QT_QPA_PLATFORM"), QStringLiteral("offscreen"));
        environment.insert(QStringLiteral("CARAVAN_SOCKET"), home.filePath(QStringLiteral("s/engine")));
        environment.insert(QStringLiteral("CARAVAN_ENGINE"), QStringLiteral("/bin/true"));  // none is needed
        for (const char* name : {"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"})
            environment.insert(QLatin1String(name), home.path());
        const auto start = [&](QProcess& program, const QString& project) {
            program.setProcessEnvironment(environment);
            program.start(QCoreApplication::applicationDirPath() + QStringLiteral("/../app/caravan"),
                          {home.filePath(project)});
        };
        const auto isOpen = [&](const QString& project) {
            return QFile::exists(home.filePath(project + QStringLiteral("/project.json")));
        };
        QProcess first, second, other;
        start(first, QStringLiteral("one"));
        QTRY_VERIFY_WITH_TIMEOUT(isOpen(QStringLiteral("one")), 60000);
        start(second, QStringLiteral("one"));
        QVERIFY(second.waitForFinished(60000));
        QCOMPARE(second.exitCode(), 0);
        const QByteArray said = second.readAllStandardOutput();
        QVERIFY2(said.contains("/one is open") && said.contains("front"), said.constData());
        start(other, QStringLiteral("two"));  // another project has a window of its own
        QTRY_VERIFY_WITH_TIMEOUT(isOpen(QStringLiteral("two")), 60000);
        QCOMPARE(first.state(), QProcess::Running);
        QCOMPARE(other.state(), QProcess::Running);
        for (QProcess* each : {&first, &other}) {
            each->terminate();
            QVERIFY(each->waitForFinished(60000));
        }
        // Without a window of its own it opens again.
        start(second, QStringLiteral("one"));
        QVERIFY(!second.waitForFinished(1500));
        second.terminate();
        QVERIFY(second.waitForFinished(60000));
    }
};

QTEST_GUILESS_MAIN(TestWindowProgram)
#include "tst_window_program.moc"
