// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Back to an earlier checkpoint of a run that does not go on from its newest.
#include <QDir>
#include <QMenu>
#include <QMessageBox>
#include <QPushButton>

#include "ui/actions/action_registry.h"
#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/run_follower.h"
#include "ui/shell/surface.h"

namespace caravan::ui {

using engine::RunState;

void TunePage::makeResumeMenu() {
    m_fromButton = textButton(tr("Resume from…"), QStringLiteral("undo"));
    m_fromButton->setToolTip(tr("An earlier checkpoint: what came after it is made again"));
    auto* menu = new QMenu(m_fromButton);
    connect(menu, &QMenu::aboutToShow, this, [this, menu] { fillResumeMenu(menu); });
    connect(m_fromButton, &QPushButton::clicked, menu,
            [this, menu] { menu->popup(m_fromButton->mapToGlobal(QPoint(0, m_fromButton->height() + 2))); });
    addHeaderButton(m_fromButton);
    if (services().actions == nullptr) return;
    m_from = services().actions->add({.id = QStringLiteral("run.resume_from"),
                                      .text = tr("Resume &from a checkpoint…"),
                                      .menu = QStringLiteral("run"),
                                      .icon = "undo",
                                      .page = QStringLiteral("tune"),
                                      .section = 1},
                                     this, [this] { m_fromButton->click(); });
}

// Those that are still in the run's folder, newest first.
QVector<engine::Evaluation> TunePage::checkpointsThere() const {
    QVector<engine::Evaluation> found;
    const RunHistory& history = m_run->history();
    for (const engine::CheckpointInfo& info : history.checkpoints()) {
        if (!QDir(m_run->folder() +
                  QStringLiteral("/checkpoints/step-%1").arg(info.step, 6, 10, QLatin1Char('0')))
                 .exists())
            continue;
        engine::Evaluation there{info.step, {}, NAN};
        for (const engine::Evaluation& evaluation : history.evaluations())
            if (evaluation.step == info.step && !evaluation.heldoutLoss.empty()) there = evaluation;
        found.prepend(there);
    }
    return found;
}

void TunePage::showResumeMenu() {
    const RunState now = state();
    const bool ended = now == RunState::Stopped || now == RunState::Interrupted || now == RunState::Failed;
    const bool shown = ended && checkpointsThere().size() > 1;
    m_fromButton->setVisible(shown);
    const bool busy = services().runs != nullptr && services().runs->live().isActive();
    m_fromButton->setEnabled(services().engine != nullptr && services().engine->isUsable() && !busy);
    if (m_from != nullptr) m_from->setEnabled(shown && m_fromButton->isEnabled());
}

void TunePage::fillResumeMenu(QMenu* menu) {
    menu->clear();
    const engine::Evaluation* best = m_run->history().bestEvaluation();
    const QVector<engine::Evaluation> there = checkpointsThere();
    for (const engine::Evaluation& each : there) {
        QString words = tr("Step %1").arg(withThousands(each.step));
        if (std::isfinite(each.mean)) words = tr("%1, held out %2").arg(words, realText(each.mean));
        if (best != nullptr && best->step == each.step) words = tr("%1, best").arg(words);
        QAction* action = menu->addAction(words);
        action->setData(static_cast<qlonglong>(each.step));
        connect(action, &QAction::triggered, this,
                [this, step = each.step, newest = there.first().step] { resumeFrom(step, newest); });
    }
}

// The later checkpoints go, which cannot be undone: that is said before.
void TunePage::resumeFrom(engine::StepIndex step, engine::StepIndex newest) {
    const auto go = [this, step, folder = m_run->folder()] {
        if (folder == m_run->folder()) services().runs->resume(folder, step, totalSteps());
    };
    if (step >= newest) return go();
    auto* question =
        new QMessageBox(QMessageBox::Question, tr("Resume from an earlier checkpoint"),
                        tr("Resume from step %1?").arg(withThousands(step)), QMessageBox::Cancel, this);
    question->setAttribute(Qt::WA_DeleteOnClose);
    question->setInformativeText(
        tr("Steps %1 to %2 are made again on the same data. Their checkpoints are removed, which cannot be "
           "undone.")
            .arg(withThousands(step + 1), withThousands(m_run->history().lastStep())));
    QPushButton* yes =
        question->addButton(tr("Resume from step %1").arg(withThousands(step)), QMessageBox::AcceptRole);
    question->setDefaultButton(QMessageBox::Cancel);
    connect(yes, &QPushButton::clicked, this, go);
    question->open();
}

}  // namespace caravan::ui
