// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/expert_copies.h"

#include <algorithm>
#include <cmath>

namespace caravan::engine {

std::vector<ExpertCopies> copiesOf(const RoutingAnalysis& analysis) {
    std::vector<ExpertCopies> found;
    const auto experts =
        static_cast<std::size_t>(std::max<std::int64_t>(0, analysis.statistics.record.experts));
    for (const LayerAnalysis& layer : analysis.layers) {
        if (layer.cka.size() != experts * experts) continue;
        ExpertCopies copies{.layer = layer.layer};
        for (std::size_t a = 0; a < experts; ++a)
            for (std::size_t b = a + 1; b < experts; ++b) {
                const double cka = layer.cka[a * experts + b];
                if (!(cka > kCopyCka)) continue;  // also what is not known
                ++copies.pairs;
                if (cka <= copies.cka) continue;
                copies.cka = cka;
                copies.first = static_cast<std::int64_t>(a);
                copies.second = static_cast<std::int64_t>(b);
            }
        if (copies.pairs > 0) found.push_back(copies);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const ExpertCopies& a, const ExpertCopies& b) { return a.pairs > b.pairs; });
    return found;
}

Alarm alarmOf(const ExpertCopies& copies, StepIndex step) {
    Alarm alarm;
    alarm.step = alarm.since = step;
    alarm.kind = "expert_copies";
    alarm.layer = copies.layer;
    alarm.expert = copies.first;
    alarm.value = copies.cka;
    return alarm;
}

}  // namespace caravan::engine
