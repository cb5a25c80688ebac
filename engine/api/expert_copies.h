// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/api/routing_analysis.h"
#include "engine/api/run_events.h"

namespace caravan::engine {

// Experts of a layer whose outputs on the same tokens are alike: they do the work of one.
struct ExpertCopies {
    std::int64_t layer = 0;
    std::int64_t first = 0, second = 0;  // the pair that is most alike
    double cka = 0;                      // of that pair
    std::int64_t pairs = 0;              // above the limit in this layer
};
inline constexpr double kCopyCka = 0.99;
// By layer, those with the most pairs first.
[[nodiscard]] std::vector<ExpertCopies> copiesOf(const RoutingAnalysis& analysis);
// As an alarm of its checkpoint, for alarm_text.h; the value is the CKA.
[[nodiscard]] Alarm alarmOf(const ExpertCopies& copies, StepIndex step);

}  // namespace caravan::engine
