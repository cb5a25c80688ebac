// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/gradient_stage.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "engine/ops/gradient_sums.h"

namespace caravan::engine::model {

std::int64_t GradientStage::place(std::int64_t layer, std::int64_t offset, std::int64_t elements) {
    std::vector<Range>& ranges = m_layers[layer];
    std::int64_t at = 0;
    if (!ranges.empty()) {
        Range& last = ranges.back();
        at = last.place + last.elements;
        if (last.offset + last.elements == offset) {
            last.elements += elements;
            m_size = std::max(m_size, at + elements);
            return at;
        }
    }
    ranges.push_back({offset, at, elements});
    m_size = std::max(m_size, at + elements);
    return at;
}

void GradientStage::allocate(at::Device device) {
    m_sums = at::zeros({m_size}, at::TensorOptions().device(device).dtype(at::kFloat));
}

void GradientStage::fold(std::int64_t layer, at::Tensor& gradients, const ops::RandomKey& key) {
    const auto found = m_layers.find(layer);
    if (found == m_layers.end()) return;
    for (const Range& range : found->second) {
        at::Tensor sum = gradients.narrow(0, range.offset, range.elements),
                   part = m_sums.narrow(0, range.place, range.elements);
        ops::addGradients(sum, part, range.offset, key);
    }
}

void GradientStage::clear() {
    if (m_sums.defined()) m_sums.zero_();
}

std::int64_t GradientStage::bytes() const {
    return m_sums.defined() ? static_cast<std::int64_t>(m_sums.nbytes()) : 0;
}

}  // namespace caravan::engine::model
