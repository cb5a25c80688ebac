// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// From a point of the curves to what that step was trained on.
#include <QAction>
#include <QMenu>
#include <QPointer>
#include <algorithm>
#include <cmath>

#include "ui/bridge/engine_link.h"
#include "ui/format/format.h"
#include "ui/pages/tune/step_batch_dialog.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/pages/tune/tune_plots.h"
#include "ui/run_follower.h"
#include "widgets/chart_pane.h"
#include "widgets/curve_plot.h"

namespace caravan::ui {

void TunePage::makeBatchActions() {
    widgets::CurvePlot* plot = m_plots->plot();
    m_batch = new QAction(tr("Show the batch of the step"), plot);
    m_batch->setShortcut(Qt::Key_B);
    m_batch->setShortcutContext(Qt::WidgetShortcut);
    plot->addAction(m_batch);
    connect(m_batch, &QAction::triggered, this, [this] { showBatch(stepAtCursor()); });
    connect(m_plots, &TunePlots::alarmActivated, this, &TunePage::showBatch);
    plot->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(plot, &QWidget::customContextMenuRequested, this, [this, plot](const QPoint& at) {
        auto* menu = new QMenu(plot);
        menu->setAttribute(Qt::WA_DeleteOnClose);
        const engine::StepIndex step = stepAtCursor();  // the cursor leaves the plot with the pointer
        QAction* batch = menu->addAction(tr("Show the &batch of step %1").arg(withThousands(step)));
        batch->setShortcut(m_batch->shortcut());
        batch->setEnabled(step > 0);
        connect(batch, &QAction::triggered, this, [this, step] { showBatch(step); });
        menu->addSeparator();
        menu->addActions(m_plots->pane()->chartActions());
        menu->popup(plot->mapToGlobal(at));
    });
}

// Where the cursor stands, else the last step.
engine::StepIndex TunePage::stepAtCursor() const {
    const engine::StepIndex last = m_run->history().lastStep();
    const auto step = m_plots->cursorStep();
    return step ? std::clamp<engine::StepIndex>(*step, std::min<engine::StepIndex>(1, last), last) : last;
}

void TunePage::showBatch(engine::StepIndex step) {
    const RunEntry* run = m_run->entry();
    if (run == nullptr || step < 1 || services().engine == nullptr) return;
    StepBatchDialog::Run shown{
        runName(*project(), *run), run->folder, run->recipe, m_run->history().lastStep(), {}};
    shown.loggedTokens = [follower = QPointer<RunFollower>(m_run), id = run->id](engine::StepIndex at) {
        if (!follower || follower->id() != id) return std::int64_t(0);
        const RunHistory& history = follower->history();
        const auto row = history.rowAt(at);
        if (!row || row->step != at) return std::int64_t(0);
        return std::int64_t(std::llround(row->tokens - history.tokensAt(at - 1)));
    };
    auto* dialog = new StepBatchDialog(services().engine, std::move(shown), this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->showStep(step);
    dialog->show();
}

}  // namespace caravan::ui
