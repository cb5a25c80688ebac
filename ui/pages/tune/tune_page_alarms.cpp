// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The alarm bar: what is wrong, and what can be done about it from here.
#include <QPushButton>
#include <algorithm>
#include <cmath>

#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/tune/alarm_text.h"
#include "ui/pages/tune/live_routing.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/run_follower.h"
#include "widgets/message_bar.h"

namespace caravan::ui {

using engine::RunState;

engine::AlarmFacts TunePage::factsOf(const engine::Alarm& alarm) const {
    engine::AlarmFacts facts{.step = m_run->history().lastStep()};
    const RoutingView& view = m_routing->view();
    for (std::size_t i = 0; i < view.layers; ++i)
        if (alarm.layer && view.layerIndices[i] == *alarm.layer) facts.expert = view.statistics[i].busiest;
    if (alarm.expert) facts.expert = *alarm.expert;
    const auto& latest = m_run->history().latest();
    if (latest && !latest->expertLoad.empty())
        facts.experts = static_cast<std::int64_t>(latest->expertLoad.front().size());
    // A run that paused itself went back to its last checkpoint; without one, bad sums left the weights alone
    // and a loss that went up brought it back to the start.
    if (alarm.kind == "not_a_number") facts.back = std::max<engine::StepIndex>(0, alarm.since - 1);
    for (const engine::CheckpointInfo& checkpoint : m_run->history().checkpoints())
        if (checkpoint.step < alarm.since) facts.back = checkpoint.step;
    return facts;
}

void TunePage::showAlarm() {
    const RunState now = state();
    const engine::StepIndex step = m_run->history().lastStep();
    const bool matters = now == RunState::Running || now == RunState::Paused;
    if (!matters || m_run->history().alarms().empty()) {
        m_alarmBar->hide();
        return;
    }
    const engine::Alarm& alarm = m_run->history().alarms().back();
    const engine::AlarmTemplate* row = engine::alarmTemplate(alarm.kind);
    if (row != nullptr && row->pauses && now != RunState::Paused) {  // it has been continued since
        m_alarmBar->hide();
        return;
    }
    const engine::AlarmFacts facts = factsOf(alarm);
    const AlarmWords words = alarmWords(alarm, facts);
    if (words.title == m_closedAlarm) return;
    const bool acts = remedyOf(alarm).has_value();  // not before the project has listed the run
    if (!m_alarmBar->isHidden() && m_alarmBar->title() == words.title && acts == m_alarmActs) {
        if (m_alarmText == words.text || step % 10 != 0) return;  // the count of steps need not run
    }
    m_alarmText = words.text;
    m_alarmActs = acts;
    m_alarmBar->showMessage(words.kind, words.title,
                            acts ? words.text : words.text + QLatin1Char(' ') + words.remedy);
    addRemedies(alarm, facts);
}

// What a button can do about it: a setting and its new value.
std::optional<TunePage::Remedy> TunePage::remedyOf(const engine::Alarm& alarm) const {
    const RunEntry* run = m_run->entry();
    if (run == nullptr) return std::nullopt;
    const auto& latest = m_run->history().latest();
    const engine::Recipe::Tune& tune = run->recipe.tune;
    // Where the schedule leaves it alone, a step's rate is the one in force, changes included.
    const bool level =
        latest && tune.schedule == engine::Schedule::Constant &&
        static_cast<double>(latest->step) >= std::ceil(tune.warmupRatio * static_cast<double>(totalSteps()));
    const double rate = level ? latest->learningRate : tune.learningRate;
    if (alarm.kind == "not_a_number" || alarm.kind == "diverged") {
        if (state() != RunState::Paused) return std::nullopt;
        return Remedy{"tune.learning_rate", rate / 2, tr("Continue with half the learning rate"), true};
    }
    if (alarm.kind == "spike")
        return Remedy{"tune.learning_rate", rate / 2, tr("Halve the learning rate"), false};
    const double raised = std::max(0.01, tune.balance) * 2;
    if (alarm.kind == "imbalance" || alarm.kind == "few_experts" || alarm.kind == "dead_expert")
        return Remedy{"tune.balance", raised, tr("Raise balance weight to %1").arg(shortReal(raised)), false};
    if (alarm.kind == "undecided_router" && tune.balance > 0)
        return Remedy{"tune.balance", tune.balance / 2,
                      tr("Lower balance weight to %1").arg(shortReal(tune.balance / 2)), false};
    return std::nullopt;
}

void TunePage::addRemedies(const engine::Alarm& alarm, const engine::AlarmFacts& facts) {
    if (const std::optional<Remedy> remedy = remedyOf(alarm)) {
        QPushButton* button = m_alarmBar->addButton(remedy->words);
        connect(button, &QPushButton::clicked, this, [this, button, remedy = *remedy] {
            services().runs->change(remedy.key, QString::number(remedy.value, 'g', 6).toStdString());
            button->setEnabled(false);
            if (!remedy.proceeds) return;
            services().runs->proceed();
            m_alarmBar->hide();
        });
    }
    if (alarm.kind == "not_a_number" || alarm.kind == "diverged" || alarm.kind == "spike" ||
        alarm.kind == "zero_loss") {
        QPushButton* data = m_alarmBar->addButton(tr("Show the batch"));
        connect(data, &QPushButton::clicked, this, [this, step = alarm.step] { showBatch(step); });
    }
    if (!alarm.layer) return;
    QPushButton* show = m_alarmBar->addButton(tr("Show in Routing"));
    connect(show, &QPushButton::clicked, this,
            [this, layer = *alarm.layer, expert = facts.expert, at = alarm.step] {
                QVariantMap arguments{{QStringLiteral("run"), m_run->id()},
                                      {QStringLiteral("layer"), static_cast<qlonglong>(layer)},
                                      {QStringLiteral("step"), static_cast<qlonglong>(at)}};
                if (expert >= 0) arguments.insert(QStringLiteral("expert"), static_cast<int>(expert));
                Q_EMIT linkActivated(QStringLiteral("routing"), arguments);
            });
}

}  // namespace caravan::ui
