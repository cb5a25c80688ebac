// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <vector>

#include "engine/ops/ops.h"

namespace caravan::engine::model {

// Where a layer's gradients of one micro-batch are added up in fp32 before they are rounded into the bf16
// gradients: one buffer as large as the largest layer needs, each layer's in its turn. Between layers it is
// zero.
class GradientStage {
  public:
    // Room for elements [offset, offset + elements) of the flat gradients; both multiples of 8, offsets
    // rising. Returns where in sums() they lie: ranges that touch in the gradients touch there.
    std::int64_t place(std::int64_t layer, std::int64_t offset, std::int64_t elements);
    void allocate(at::Device device);  // zero
    [[nodiscard]] const at::Tensor& sums() const { return m_sums; }

    void fold(std::int64_t layer, at::Tensor& gradients, const ops::RandomKey& key);
    void clear();
    [[nodiscard]] std::int64_t bytes() const;

  private:
    struct Range {
        std::int64_t offset, place, elements;
    };
    std::map<std::int64_t, std::vector<Range>> m_layers;
    std::int64_t m_size = 0;  // elements
    at::Tensor m_sums;        // fp32
};

}  // namespace caravan::engine::model
