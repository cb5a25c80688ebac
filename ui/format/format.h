// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <cstdint>

#include "engine/api/result.h"
#include "engine/api/run_events.h"

// Words and numbers for people; one place, so that every page writes them alike. Units stand after a thin
// space.
namespace caravan::ui {

inline const QChar kThinSpace(0x2009);

[[nodiscard]] QString withThousands(std::int64_t value);        // "1,504"
[[nodiscard]] QString parameterCount(std::int64_t value);       // "15.7 M", "6.74 B"
[[nodiscard]] QString parameterCountExact(std::int64_t value);  // one more digit: "7.813 B"
[[nodiscard]] QString gibibytes(std::int64_t bytes);            // memory: "63.67" (no unit)
[[nodiscard]] QString memoryText(std::int64_t bytes);           // "63.67 GiB"
// One unit for a list: MiB where the largest value is under a GiB.
[[nodiscard]] QString memoryTextLike(std::int64_t bytes, std::int64_t largest);
[[nodiscard]] QString diskText(std::int64_t bytes);            // "31 MB", "4.98 GB"
[[nodiscard]] QString durationText(double seconds);            // "8 s", "4 min 22 s", "1 h 22 min"
[[nodiscard]] QString timeLeftText(double seconds);            // "about 1 h 22 min left"; "" if < 0
[[nodiscard]] QString percentText(double fraction);            // "62 %"
[[nodiscard]] QString realText(double value, int digits = 3);  // "1.965"
[[nodiscard]] QString shortReal(double value);                 // "2e-4", "0.01", "1"
[[nodiscard]] QString homePath(const QString& path);           // "~/models/x"
[[nodiscard]] QString stateText(engine::RunState state);       // "Running"

// An error in the user's language: what happened, where and why, what to do.
struct ErrorWords {
    QString what, detail, todo;
    [[nodiscard]] QString oneLine() const;
};
[[nodiscard]] ErrorWords words(const engine::Error& error);

}  // namespace caravan::ui
