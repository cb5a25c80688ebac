// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/loss_watch.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace caravan::engine::train {
namespace {

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace

void LossWatch::restore(Memory memory) {
    m_memory = std::move(memory);
    std::erase_if(m_memory.usual, [](double loss) { return !std::isfinite(loss); });
    while (m_memory.usual.size() > kWindow)
        m_memory.usual.pop_front();
}

LossWatch::Finding LossWatch::add(StepIndex step, double loss) {
    auto& [usual, since] = m_memory;
    Finding finding;
    if (!std::isfinite(loss)) return finding;  // told by another alarm
    if (!usual.empty()) {
        finding.usual = median({usual.begin(), usual.end()});
        std::vector<double> distances;
        for (const double value : usual)
            distances.push_back(std::abs(value - finding.usual));
        const bool enough = usual.size() >= kEnough;
        const double far = enough ? std::max(kLeast, kScatter * median(std::move(distances))) : kFew;
        finding.spike = loss > finding.usual + far;
    }
    if (!finding.spike) {
        since = 0;
        usual.push_back(loss);
        if (usual.size() > kWindow) usual.pop_front();
        return finding;
    }
    if (since == 0) since = step;
    finding.since = since;
    return finding;
}

}  // namespace caravan::engine::train
