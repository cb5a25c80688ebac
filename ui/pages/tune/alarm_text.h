// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "engine/api/run_events.h"
#include "widgets/message_bar.h"

namespace caravan::ui {

// An alarm in words: what happened, what it means for the work.
struct AlarmWords {
    widgets::MessageBar::Kind kind = widgets::MessageBar::Kind::Warning;
    QString title, text;
};
// expert: the busiest of the layer, -1 = not known; step: where the run stands
[[nodiscard]] AlarmWords alarmWords(const engine::Alarm& alarm, int expert, int experts,
                                    engine::StepIndex step);

}  // namespace caravan::ui
