// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/api/run_events.h"

namespace caravan::engine {

// The words of an alarm, in English with {names} of alarmParameters(); the window translates them whole.
struct AlarmTemplate {
    const char* kind;    // Alarm::kind
    const char* title;   // what happened
    const char* text;    // since when and what it means for the work
    const char* remedy;  // what to do
    bool pauses;         // the run pauses itself
};
[[nodiscard]] std::span<const AlarmTemplate> alarmTemplates();
[[nodiscard]] const AlarmTemplate* alarmTemplate(std::string_view kind);  // nullptr: of another version

// What else is known when the alarm is told.
struct AlarmFacts {
    std::int64_t expert = -1;  // the busiest of the layer; -1 = not known
    std::int64_t experts = 0;  // 0 = not known
    StepIndex step = 0;        // where the run stands
    StepIndex back = 0;        // the step whose weights are in force after a pause
};
// {layer} {expert} {others} {steps} {step} {since} {value} {back}, in the order of that list.
[[nodiscard]] Parameters alarmParameters(const Alarm& alarm, const AlarmFacts& facts);
[[nodiscard]] std::string filledIn(std::string_view pattern, const Parameters& parameters);

struct AlarmText {
    std::string title, text, remedy;
};
[[nodiscard]] AlarmText describe(const Alarm& alarm, const AlarmFacts& facts = {});

}  // namespace caravan::engine
