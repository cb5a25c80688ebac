// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/tune/alarm_text.h"

#include <QCoreApplication>

#include "ui/format/format.h"

namespace caravan::ui {
namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("Alarm", text);
}

QString steps(engine::StepIndex count) {
    return count == 1 ? tr("1 step") : tr("%1 steps").arg(withThousands(count));
}

}  // namespace

AlarmWords alarmWords(const engine::Alarm& alarm, int expert, int experts, engine::StepIndex step) {
    using Kind = widgets::MessageBar::Kind;
    const engine::StepIndex lasting = std::max(step, alarm.step) - alarm.since + 1;
    const auto layer = alarm.layer.value_or(0);
    if (alarm.kind == "imbalance") {
        const QString others = experts > 1 ? tr("; the other %1 learn less").arg(experts - 1) : QString();
        if (expert < 0)
            return {Kind::Warning, tr("Layer %1 leans on one expert.").arg(layer),
                    tr("It has carried over 3× its share for %1%2.").arg(steps(lasting), others)};
        return {
            Kind::Warning, tr("Layer %1 leans on one expert.").arg(layer),
            tr("Expert %1 has carried over 3× its share for %2%3.").arg(expert).arg(steps(lasting), others)};
    }
    if (alarm.kind == "dead_expert")
        return {Kind::Warning, tr("Layer %1 has a dead expert.").arg(layer),
                tr("Expert %1 got under a tenth of its share in every domain for %2; it does not learn.")
                    .arg(alarm.expert.value_or(0))
                    .arg(steps(lasting))};
    if (alarm.kind == "few_experts")
        return {Kind::Warning, tr("Layer %1 uses few experts.").arg(layer),
                tr("Its load is that of %1 experts for %2.").arg(realText(alarm.value, 2), steps(lasting))};
    if (alarm.kind == "undecided_router")
        return {Kind::Warning, tr("Layer %1 does not decide.").arg(layer),
                tr("Its router gives every expert nearly the same probability for %1.").arg(steps(lasting))};
    if (alarm.kind == "constant_balance")
        return {Kind::Warning, tr("The balance loss does not move."),
                tr("It has been %1 for %2; the routers get no gradient from it.")
                    .arg(realText(alarm.value), steps(lasting))};
    if (alarm.kind == "zero_loss")
        return {
            Kind::Warning, tr("The loss is 0."),
            tr("At step %1 no answer token was left to learn from. Look at the first batch on the Data page.")
                .arg(withThousands(alarm.step))};
    if (alarm.kind == "not_a_number")
        return {Kind::Error, tr("Tuning paused itself at step %1:").arg(withThousands(alarm.step)),
                tr("the loss was not a number in %1 in a row. Weights are those of step %2.")
                    .arg(steps(alarm.step - alarm.since + 1),
                         withThousands(std::max<engine::StepIndex>(0, alarm.since - 1)))};
    return {Kind::Warning, tr("Alarm at step %1.").arg(withThousands(alarm.step)),
            QString::fromStdString(alarm.kind)};
}

}  // namespace caravan::ui
