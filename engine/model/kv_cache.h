// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "engine/api/model_config.h"

namespace caravan::engine::model {

// Keys (rotated) and values of one sequence, per layer [1, capacity, kvHeads, headSize] in the compute type.
// Grows by itself.
class KvCache {
  public:
    KvCache(const ModelConfig& config, at::Device device, at::ScalarType type, std::int64_t capacity = 256);

    [[nodiscard]] std::int64_t length() const { return m_length; }  // positions held
    [[nodiscard]] std::int64_t capacity() const { return m_capacity; }
    void reserve(std::int64_t positions);   // capacity >= positions
    void truncate(std::int64_t positions);  // forgets what comes after (a turn that is regenerated)

    [[nodiscard]] at::Tensor& keys(std::int64_t layer) { return m_keys[static_cast<std::size_t>(layer)]; }
    [[nodiscard]] at::Tensor& values(std::int64_t layer) { return m_values[static_cast<std::size_t>(layer)]; }
    void advance(std::int64_t positions) { m_length += positions; }
    [[nodiscard]] std::int64_t bytes() const;

  private:
    std::vector<at::Tensor> m_keys, m_values;
    std::int64_t m_length = 0, m_capacity = 0;
};

}  // namespace caravan::engine::model
