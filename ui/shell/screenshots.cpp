// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/screenshots.h"

#include <QApplication>
#include <QDir>
#include <QPixmap>
#include <QTimer>
#include <memory>

#include "ui/main_window.h"
#include "ui/project_context.h"
#include "ui/theme/theme.h"

namespace caravan::ui {
namespace {

constexpr int kSettleMs = 2500;  // an answer of the engine and two redraws

struct Tour {
    MainWindow* window;
    QDir folder;
    QStringList pages;
    int at = 0;
};

QString fileName(const Tour& tour, const QString& page) {
    static const QStringList numbers{"",     "models",   "upcycle", "data",    "tune",    "routing",
                                     "chat", "evaluate", "runs",    "welcome", "settings"};
    const auto number = numbers.indexOf(page);
    return tour.folder.filePath(
        QStringLiteral("%1-%2-%3.png")
            .arg(static_cast<int>(number), 2, 10, QLatin1Char('0'))
            .arg(page, Theme::instance().isDark() ? QStringLiteral("dark") : QStringLiteral("light")));
}

void step(const std::shared_ptr<Tour>& tour) {
    if (tour->at >= tour->pages.size()) {
        tour->window->closeQuietly();
        return;
    }
    const QString page = tour->pages[tour->at++];
    if (page != QLatin1String("welcome")) tour->window->showPage(page);
    QTimer::singleShot(kSettleMs, tour->window, [tour, page] {
        tour->window->grab().save(fileName(*tour, page));
        step(tour);
    });
}

}  // namespace

void takeScreenshots(MainWindow* window, const QString& folder) {
    QDir().mkpath(folder);
    auto tour = std::make_shared<Tour>(
        Tour{window, QDir(folder), window->project() ? window->pageIds() : QStringList{"welcome"}});
    QTimer::singleShot(kSettleMs, window, [tour] { step(tour); });
}

}  // namespace caravan::ui
