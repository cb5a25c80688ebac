// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Earlier runs behind the curves of this one.
#include <QMenu>
#include <QToolButton>
#include <limits>

#include "projects/run_catalogue.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/pages/tune/tune_plots.h"
#include "ui/run_follower.h"

namespace caravan::ui {
namespace {

constexpr int kMostOverlays = 4;
constexpr std::size_t kMostPoints = 4000;  // of a curve

std::vector<StepRow> readRows(projects::RunCatalogue& catalogue, const std::string& run) {
    using projects::Metric;
    constexpr engine::StepIndex kAll = std::numeric_limits<engine::StepIndex>::max();
    const auto losses = catalogue.series(run, Metric::Loss, 0, kAll);
    const auto tokens = catalogue.series(run, Metric::Tokens, 0, kAll);
    const auto seconds = catalogue.series(run, Metric::Seconds, 0, kAll);
    std::vector<StepRow> rows;
    if (!losses || !tokens || !seconds) return rows;
    const std::size_t each = losses->size() / kMostPoints + 1;
    double seen = 0, time = 0, before = 0;  // seconds begin anew in each process of a run
    for (std::size_t i = 0; i < losses->size() && i < tokens->size() && i < seconds->size(); ++i) {
        const double now = (*seconds)[i].value;
        seen += (*tokens)[i].value;
        time += now >= before ? now - before : now;
        before = now;
        if (i % each != 0 && i + 1 != losses->size()) continue;
        StepRow row;
        row.step = (*losses)[i].step;
        row.loss = (*losses)[i].value;
        row.tokens = seen;
        row.seconds = time;
        rows.push_back(row);
    }
    return rows;
}

}  // namespace

void TunePage::makeOverlayMenu() {
    auto* menu = new QMenu(m_plots->overlayButton());
    m_plots->overlayButton()->setMenu(menu);
    connect(menu, &QMenu::aboutToShow, this, [this, menu] {
        menu->clear();
        if (project() == nullptr) return;
        for (const RunEntry& run : project()->runs()) {
            if (run.id == m_run->id() || run.step <= 0) continue;
            QAction* action = menu->addAction(runName(*project(), run));
            action->setCheckable(true);
            action->setChecked(m_overlaid.contains(run.id));
            action->setEnabled(action->isChecked() || m_overlaid.size() < kMostOverlays);
            connect(action, &QAction::toggled, this, [this, id = run.id](bool on) { overlay(id, on); });
        }
        if (menu->isEmpty()) menu->addAction(tr("No other run has steps yet"))->setEnabled(false);
    });
}

void TunePage::overlay(const QString& run, bool on) {
    m_overlaid.removeAll(run);
    if (on) m_overlaid << run;
    readOverlays();
}

void TunePage::readOverlays() {
    using Found = std::vector<TunePlots::Overlay>;
    if (project() == nullptr) return;
    QVector<QPair<std::string, QString>> wanted;
    for (const QString& id : std::as_const(m_overlaid))
        if (const RunEntry* run = project()->run(id))
            wanted.append({id.toStdString(), runName(*project(), *run)});
    project()->inProject<Found>(
        this,
        [wanted](ProjectStore& store) {
            Found found;
            for (const auto& [id, name] : wanted)
                found.push_back({name, readRows(*store.catalogue, id)});
            return found;
        },
        [this, shown = m_run->id()](const Found& found) {
            if (shown == m_run->id()) m_plots->setOverlays(found);
        });
}

}  // namespace caravan::ui
