// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace caravan::ui {

// Seconds as exactly as an estimate deserves: whole minutes from an hour on, tens of seconds from a minute
// on. One rounding for all places that tell it.
[[nodiscard]] double roundedTimeLeft(double seconds);

}  // namespace caravan::ui
