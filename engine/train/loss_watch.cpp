// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/loss_watch.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace caravan::engine::train {
namespace {

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace

LossWatch::Finding LossWatch::add(StepIndex step, double loss) {
    Finding finding;
    if (!std::isfinite(loss)) return finding;  // told by another alarm
    if (!m_usual.empty()) {
        finding.usual = median({m_usual.begin(), m_usual.end()});
        std::vector<double> distances;
        for (const double value : m_usual)
            distances.push_back(std::abs(value - finding.usual));
        const bool enough = m_usual.size() >= kEnough;
        const double far = enough ? std::max(kLeast, kScatter * median(std::move(distances))) : kFew;
        finding.spike = loss > finding.usual + far;
    }
    if (!finding.spike) {
        m_since = 0;
        m_usual.push_back(loss);
        if (m_usual.size() > kWindow) m_usual.pop_front();
        return finding;
    }
    if (m_since == 0) m_since = step;
    finding.since = m_since;
    return finding;
}

}  // namespace caravan::engine::train
