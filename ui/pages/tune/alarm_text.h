// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "engine/api/alarm_text.h"
#include "widgets/message_bar.h"

namespace caravan::ui {

// An alarm in words: what happened, what it means for the work, what to do.
struct AlarmWords {
    widgets::MessageBar::Kind kind = widgets::MessageBar::Kind::Warning;
    QString title, text, remedy;
};
[[nodiscard]] AlarmWords alarmWords(const engine::Alarm& alarm, const engine::AlarmFacts& facts);

}  // namespace caravan::ui
