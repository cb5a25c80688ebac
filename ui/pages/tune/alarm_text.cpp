// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/tune/alarm_text.h"

#include <QCoreApplication>

#include "engine/api/alarm_text.h"
#include "ui/format/format.h"

namespace caravan::ui {
namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("Alarm", text);
}

QString steps(engine::StepIndex count) {
    return count == 1 ? tr("1 step") : tr("%1 steps").arg(withThousands(count));
}

// The parameters as people write them here.
engine::Parameters shown(const engine::Alarm& alarm, const engine::AlarmFacts& facts, bool pauses) {
    const engine::StepIndex last = pauses ? alarm.step : std::max(facts.step, alarm.step);
    engine::Parameters parameters = engine::alarmParameters(alarm, facts);
    for (auto& [name, value] : parameters) {
        if (name == "steps") value = steps(last - alarm.since + 1).toStdString();
        if (name == "step") value = withThousands(alarm.step).toStdString();
        if (name == "back") value = withThousands(facts.back).toStdString();
        if (name == "value") value = realText(alarm.value).toStdString();
        if (name == "others" && facts.experts <= 1) value = tr("experts").toStdString();
    }
    return parameters;
}

}  // namespace

AlarmWords alarmWords(const engine::Alarm& alarm, const engine::AlarmFacts& facts) {
    const engine::AlarmTemplate* row = engine::alarmTemplate(alarm.kind);
    if (row == nullptr)
        return {widgets::MessageBar::Kind::Warning,
                tr("Alarm at step %1.").arg(withThousands(alarm.step)),
                QString::fromStdString(alarm.kind),
                {}};
    const engine::Parameters parameters = shown(alarm, facts, row->pauses);
    const auto filled = [&](const char* pattern) {
        return QString::fromStdString(engine::filledIn(tr(pattern).toStdString(), parameters));
    };
    AlarmWords words{row->pauses ? widgets::MessageBar::Kind::Error : widgets::MessageBar::Kind::Warning,
                     filled(row->title), filled(row->text), filled(row->remedy)};
    if (alarm.kind == "imbalance" && !alarm.expert && facts.expert < 0)
        words.text = filled(QT_TRANSLATE_NOOP(
            "Alarm", "It has carried over 3× its share for {steps}; the others learn less."));
    return words;
}

}  // namespace caravan::ui
