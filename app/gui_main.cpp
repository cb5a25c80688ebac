// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// caravan: the window.
#include <sys/socket.h>
#include <unistd.h>

#include <QApplication>
#include <QCommandLineParser>
#include <QSettings>
#include <QSocketNotifier>
#include <QTimer>
#include <csignal>
#include <cstdio>

#include "ui/bridge/process_link.h"
#include "ui/main_window.h"
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

}  // namespace

int main(int argc, char** argv) {
    QCoreApplication::setOrganizationName(QStringLiteral("caravan"));
    QCoreApplication::setOrganizationDomain(QStringLiteral("caravan.org"));
    QCoreApplication::setApplicationName(QStringLiteral("caravan"));
    QCoreApplication::setApplicationVersion(QStringLiteral(CARAVAN_VERSION));
    QGuiApplication::setApplicationDisplayName(QString());
    QGuiApplication::setDesktopFileName(QStringLiteral("org.caravan.Workbench"));
    QApplication application(argc, argv);

    QCommandLineParser parser;
    parser.setApplicationDescription(
        QApplication::translate("main", "Turns a dense language model into a mixture of experts."));
    parser.addHelpOption();
    parser.addVersionOption();
    parser.addPositionalArgument(QStringLiteral("folder"),
                                 QApplication::translate("main", "A project, or a model folder."),
                                 QStringLiteral("[folder]"));
    const QCommandLineOption demo(QStringLiteral("demo"),
                                  QApplication::translate("main", "Open the embedded demo project."));
    const QCommandLineOption theme(QStringLiteral("theme"),
                                   QApplication::translate("main", "light, dark or system."),
                                   QStringLiteral("theme"));
    const QCommandLineOption size(QStringLiteral("size"),
                                  QApplication::translate("main", "Size of the window."),
                                  QStringLiteral("WxH"));
    const QCommandLineOption shots(
        QStringLiteral("screenshot-dir"),
        QApplication::translate("main", "Write a picture of every page there and quit."),
        QStringLiteral("dir"));
    parser.addOptions({demo, theme, size, shots});
    parser.process(application);

    Theme::instance().install(schemeOf(parser.value(theme)));
    ProcessLink engine;
    MainWindow window(&engine);
    closeOnSignals(&window);
    QObject::connect(&application, &QGuiApplication::commitDataRequest, &window,
                     [&window] { window.closeQuietly(); });
    const QStringList parts = parser.value(size).split(QLatin1Char('x'));
    if (parts.size() == 2) window.resize(parts[0].toInt(), parts[1].toInt());
    window.show();
    engine.start();
    if (parser.isSet(demo))
        window.openDemo();
    else if (!parser.positionalArguments().isEmpty())
        window.openPath(parser.positionalArguments().first());
    if (parser.isSet(shots)) takeScreenshots(&window, parser.value(shots));
    return application.exec();
}
