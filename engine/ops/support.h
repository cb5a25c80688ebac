// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>

#include "engine/api/result.h"
#include "engine/ops/ops.h"
#include "kernels/common/philox.h"

// Shape checks and type dispatch of the operations.
namespace caravan::engine::ops {

[[noreturn]] void failShape(const char* operation, const char* expected, const at::Tensor& got);
[[noreturn]] void failType(const char* operation, const at::Tensor& got);

inline void require(bool condition, const char* operation, const char* expected, const at::Tensor& got) {
    if (!condition) failShape(operation, expected, got);
}

// f(T{}) with the CPU kernels' element type: fp32, or fp64 in gradient checks.
template <class F>
auto forReal(const char* operation, const at::Tensor& x, F&& f) {
    if (x.scalar_type() == at::kFloat) return f(float{});
    if (x.scalar_type() == at::kDouble) return f(double{});
    failType(operation, x);
}

template <class T>
T* data(const at::Tensor& x) {
    return static_cast<T*>(x.data_ptr());
}

// As many rows as keep a range near 16k elements.
inline std::int64_t rowGrain(std::int64_t columns) {
    return 1 + 16384 / (columns + 1);
}

inline at::TensorOptions like(const at::Tensor& x, at::ScalarType type) {
    return x.options().dtype(type);
}

kernels::PhiloxKey philoxKey(const RandomKey& key);
kernels::DropoutMask dropoutMask(double p, const RandomKey& key);

}  // namespace caravan::engine::ops
