// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/alarm_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace caravan::engine {
namespace {

constexpr std::array kAlarms = {
    AlarmTemplate{"not_a_number", "Tuning paused itself at step {step}:",
                  "the loss was not a number in {steps} in a row. Weights are those of step {back}.",
                  "Continue with half the learning rate, or look at the batch.", true},
    AlarmTemplate{"diverged", "Tuning paused itself at step {step}:",
                  "the loss was far above what was usual in {steps} in a row, {value} at last. Weights are "
                  "those of step {back}.",
                  "Continue with half the learning rate, or look at the batch.", true},
    AlarmTemplate{"spike", "The loss jumped at step {step}.",
                  "It was {value}, far above what was usual. Three such steps in a row pause the run.",
                  "If it happens again, lower the learning rate or the gradient clip, and look at the batch.",
                  false},
    AlarmTemplate{"imbalance", "Layer {layer} leans on one expert.",
                  "Expert {expert} has carried over 3× its share for {steps}; the other {others} learn less.",
                  "Raise the balance weight.", false},
    AlarmTemplate{"few_experts", "Layer {layer} uses few experts.",
                  "Its load is that of {value} experts for {steps}.", "Raise the balance weight.", false},
    AlarmTemplate{"dead_expert", "Layer {layer} has a dead expert.",
                  "Expert {expert} got under a tenth of its share in every domain for {steps}; it does not "
                  "learn.",
                  "Raise the balance weight; if it stays dead, start again with fewer experts.", false},
    AlarmTemplate{
        "expert_copies", "Layer {layer} has experts that do the same.",
        "On the same tokens expert {expert} and another one add nearly the same (CKA {value}): they "
        "do the work of one.",
        "Mute each of them to see what it is worth; if it is little, start again with fewer experts "
        "or a higher learning rate.",
        false},
    AlarmTemplate{"undecided_router", "Layer {layer} does not decide.",
                  "Its router gives every expert nearly the same probability for {steps}.",
                  "Lower the balance weight, or raise the learning rate.", false},
    AlarmTemplate{"constant_balance", "The balance loss does not move.",
                  "It has been {value} for {steps}; the routers get no gradient from it.",
                  "Check that the routers are trained and that more than one expert is left out per token.",
                  false},
    AlarmTemplate{"zero_loss", "The loss is 0.", "At step {step} no answer token was left to learn from.",
                  "Look at the first batch on the Data page: its answers are masked or cut.", false},
};

std::string stepsText(StepIndex count) {
    return count == 1 ? "1 step" : fmt::format("{} steps", count);
}

}  // namespace

std::span<const AlarmTemplate> alarmTemplates() {
    return kAlarms;
}

const AlarmTemplate* alarmTemplate(std::string_view kind) {
    const auto found = std::find_if(kAlarms.begin(), kAlarms.end(),
                                    [&](const AlarmTemplate& row) { return row.kind == kind; });
    return found == kAlarms.end() ? nullptr : &*found;
}

Parameters alarmParameters(const Alarm& alarm, const AlarmFacts& facts) {
    const StepIndex now = std::max(facts.step, alarm.step);
    const AlarmTemplate* row = alarmTemplate(alarm.kind);
    // What paused the run does not go on.
    const StepIndex last = row != nullptr && row->pauses ? alarm.step : now;
    const std::int64_t expert = alarm.expert.value_or(facts.expert);
    return {{"layer", std::to_string(alarm.layer.value_or(0))},
            {"expert", expert < 0 ? "" : std::to_string(expert)},
            {"others", facts.experts > 1 ? std::to_string(facts.experts - 1) : "experts"},
            {"steps", stepsText(last - alarm.since + 1)},
            {"step", std::to_string(alarm.step)},
            {"since", std::to_string(alarm.since)},
            {"value", fmt::format("{:.3g}", alarm.value)},
            {"back", std::to_string(facts.back)}};
}

std::string filledIn(std::string_view pattern, const Parameters& parameters) {
    std::string out(pattern);
    for (const auto& [name, value] : parameters)
        for (std::size_t at = 0; (at = out.find("{" + name + "}", at)) != std::string::npos;
             at += value.size())
            out.replace(at, name.size() + 2, value);
    return out;
}

AlarmText describe(const Alarm& alarm, const AlarmFacts& facts) {
    const AlarmTemplate* row = alarmTemplate(alarm.kind);
    if (row == nullptr) return {fmt::format("Alarm at step {}.", alarm.step), alarm.kind, ""};
    const Parameters parameters = alarmParameters(alarm, facts);
    AlarmText text{filledIn(row->title, parameters), filledIn(row->text, parameters),
                   filledIn(row->remedy, parameters)};
    if (alarm.kind == "imbalance" && !alarm.expert && facts.expert < 0)
        text.text =
            filledIn("It has carried over 3× its share for {steps}; the others learn less.", parameters);
    return text;
}

}  // namespace caravan::engine
