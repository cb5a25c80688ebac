// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace caravan::engine::model {

// Reused memory of a pass: the matrix that NF4 parts are dequantised into.
class Workspace {
  public:
    // [rows, columns] of the type; overwritten by the next caller.
    [[nodiscard]] at::Tensor matrix(std::int64_t rows, std::int64_t columns, at::ScalarType type,
                                    at::Device device);
    void release() { m_buffer.reset(); }

  private:
    at::Tensor m_buffer;
};

}  // namespace caravan::engine::model
