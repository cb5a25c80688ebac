// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// caravan: the window.
#include <sys/socket.h>
#include <unistd.h>

#include <QApplication>
#include <QCommandLineParser>
#include <QScreen>
#include <QSettings>
#include <QSocketNotifier>
#include <QTimer>
#include <algorithm>
#include <csignal>
#include <cstdio>

#include "projects/project.h"
#include "ui/bridge/process_link.h"
#include "ui/main_window.h"
#include "ui/shell/instance.h"
#include "ui/shell/screenshots.h"
#include "ui/theme/theme.h"

namespace {

using namespace caravan::ui;

int signalPair[2];
void onSignal(int) {
    const char byte = 1;
    [[maybe_unused]] const auto written = ::write(signalPair[0], &byte, 1);
}

// SIGTERM, SIGINT, SIGHUP: save and close without a question.
void closeOnSignals(MainWindow* window) {
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, signalPair) != 0) return;
    auto* notifier = new QSocketNotifier(signalPair[1], QSocketNotifier::Read, window);
    QObject::connect(notifier, &QSocketNotifier::activated, window, [window, notifier] {
        notifier->setEnabled(false);
        window->closeQuietly();
    });
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
        std::signal(signal, onSignal);
}

Scheme schemeOf(const QString& word) {
    if (word == QLatin1String("light")) return Scheme::Light;
    if (word == QLatin1String("dark")) return Scheme::Dark;
    return static_cast<Scheme>(QSettings().value(QStringLiteral("view/scheme"), 0).toInt());
}

struct Options {
    QCommandLineParser parser;
    QCommandLineOption demo, theme, size, shots, liveRun;
    Options()
        : demo(QStringLiteral("demo"),
               QCoreApplication::translate("main", "Open the embedded demo project.")),
          theme(QStringLiteral("theme"), QCoreApplication::translate("main", "light, dark or system."),
                QStringLiteral("theme")),
          size(QStringLiteral("size"), QCoreApplication::translate("main", "Size of the window."),
               QStringLiteral("WxH")),
          shots(QStringLiteral("screenshot-dir"),
                QCoreApplication::translate("main", "Write a picture of every page there and quit."),
                QStringLiteral("dir")),
          liveRun(
              QStringLiteral("screenshot-run"),
              QCoreApplication::translate("main",
                                          "With --screenshot-dir: also starts a run, for pictures of tuning, "
                                          "of closing the window and of an engine that died.")) {
        parser.setApplicationDescription(
            QCoreApplication::translate("main", "Turns a dense language model into a mixture of experts."));
        parser.addHelpOption();
        parser.addVersionOption();
        parser.addPositionalArgument(QStringLiteral("folder"),
                                     QCoreApplication::translate("main", "A project, or a model folder."),
                                     QStringLiteral("[folder]"));
        parser.addOptions({demo, theme, size, shots, liveRun});
    }
};

// Help and version are told without a display; anything else needs one.
bool onlyWords(int argc, char** argv) {
    const QStringList words{QStringLiteral("-h"),         QStringLiteral("-?"), QStringLiteral("--help"),
                            QStringLiteral("--help-all"), QStringLiteral("-v"), QStringLiteral("--version")};
    for (int i = 1; i < argc; ++i)
        if (words.contains(QString::fromLocal8Bit(argv[i]))) return true;
    return false;
}

bool hasDisplay(int argc, char** argv) {
    for (int i = 1; i < argc; ++i)
        if (QByteArray(argv[i]).endsWith("-platform") || QByteArray(argv[i]).endsWith("-display"))
            return true;
    for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"})
        if (!qEnvironmentVariableIsEmpty(name)) return true;
    return false;
}

// The project that would be opened; "" where none is named, or none yet.
QString projectOf(const Options& options) {
    if (options.parser.isSet(options.demo))
        return QString::fromStdString((caravan::projects::Project::defaultFolder() / "demo").string());
    const QStringList named = options.parser.positionalArguments();
    if (named.isEmpty()) return MainWindow::lastProject();
    return caravan::projects::Project::isProject(named.first().toStdString()) ? named.first() : QString();
}

// A project has one window: that one comes to the front instead of a second.
bool isOpenElsewhere(const Options& options) {
    const QString folder = projectOf(options);
    if (options.parser.isSet(options.shots) || folder.isEmpty() || !Instance::bringToFront(folder))
        return false;
    std::printf("caravan: %s is open; its window was brought to the front.\n", qPrintable(folder));
    return true;
}

// A window that was left on a larger desktop, or is too large for this one: it fills the screen, or is moved
// in.
void fitToScreens(MainWindow& window) {
    constexpr int kTitleBar = 40;  // px; its height is known when the window is shown
    const QRect room = window.screen()->availableVirtualGeometry().adjusted(0, 0, 0, -kTitleBar);
    if (window.width() > room.width() || window.height() > room.height()) {
        window.setWindowState(window.windowState() | Qt::WindowMaximized);
        return;
    }
    const QPoint at(std::clamp(window.x(), room.left(), room.right() + 1 - window.width()),
                    std::clamp(window.y(), room.top(), room.bottom() + 1 - window.height()));
    if (at != window.pos()) window.move(at);
}

}  // namespace

int main(int argc, char** argv) {
    QCoreApplication::setOrganizationName(QStringLiteral("caravan"));
    QCoreApplication::setOrganizationDomain(QStringLiteral("caravan.org"));
    QCoreApplication::setApplicationName(QStringLiteral("caravan"));
    QCoreApplication::setApplicationVersion(QStringLiteral(CARAVAN_VERSION));
    QGuiApplication::setApplicationDisplayName(QString());
    QGuiApplication::setDesktopFileName(QStringLiteral("org.caravan.Workbench"));
    Options options;
    QCommandLineParser& parser = options.parser;
    if (onlyWords(argc, argv)) {
        const QCoreApplication words(argc, argv);
        parser.process(words);
        return 0;
    }
    if (!hasDisplay(argc, argv)) {
        std::fputs(
            "caravan: the window cannot open, because there is no display (DISPLAY and WAYLAND_DISPLAY are "
            "empty).\nRun it in a desktop session, or use caravan-cli, which does the same on a terminal.\n",
            stderr);
        return 1;
    }
    QApplication application(argc, argv);
    parser.process(application);
    if (isOpenElsewhere(options)) return 0;

    Theme::instance().install(schemeOf(parser.value(options.theme)));
    ProcessLink engine;
    MainWindow window(&engine);
    closeOnSignals(&window);
    QObject::connect(&application, &QGuiApplication::commitDataRequest, &window,
                     [&window] { window.closeQuietly(); });
    const QStringList parts = parser.value(options.size).split(QLatin1Char('x'));
    if (parts.size() == 2)
        window.resize(parts[0].toInt(), parts[1].toInt());
    else if (!parser.isSet(options.shots))
        fitToScreens(window);
    window.show();
    engine.start();
    if (parser.isSet(options.demo))
        window.openDemo();
    else if (!parser.positionalArguments().isEmpty())
        window.openPath(parser.positionalArguments().first());
    else if (const QString last = MainWindow::lastProject(); !last.isEmpty() && !parser.isSet(options.shots))
        window.openProject(last);
    if (parser.isSet(options.shots))
        takeScreenshots(&window, {.folder = parser.value(options.shots),
                                  .liveRun = parser.isSet(options.liveRun),
                                  .killEngine = [&engine] {
                                      if (engine.enginePid() > 0)
                                          ::kill(static_cast<pid_t>(engine.enginePid()), SIGKILL);
                                  }});
    return application.exec();
}
