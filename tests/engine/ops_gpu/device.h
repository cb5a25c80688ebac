// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/api/result.h"
#include "engine/ops/cuda_plugin.h"
#include "engine/ops/ops.h"

// Every operation on the GPU against the same operation on the CPU.
namespace caravan::engine::ops {

class GpuTest : public testing::Test {
  protected:
    void SetUp() override {
        const CudaState& state = openCuda();
        if (!state.table) GTEST_SKIP() << "no GPU: " << state.note;
        // Every new tensor full of NaN: what is read and was never written shows in the results.
        if (std::getenv("CARAVAN_POISON") != nullptr)
            at::globalContext().setDeterministicFillUninitializedMemory(true);
    }
};

inline at::Tensor values(at::IntArrayRef shape, int site, double bound = 1) {
    return uniformHost(shape, bound, {.seed = 7, .purpose = Purpose::Initialise, .site = site});
}
// On the GPU in the type under test, and what the CPU gets: the same rounded values in fp32.
inline at::Tensor onGpu(const at::Tensor& x, at::ScalarType type) {
    return x.to(at::Device(at::kCUDA, 0), type);
}
inline at::Tensor rounded(const at::Tensor& x, at::ScalarType type) {
    return x.to(type).to(at::kFloat);
}
inline at::Tensor gpu(const at::Tensor& x) {
    return x.to(at::Device(at::kCUDA, 0));
}

inline double relativeError(const at::Tensor& got, const at::Tensor& expected) {
    const at::Tensor a = got.cpu().to(at::kDouble), b = expected.cpu().to(at::kDouble);
    return (a - b).norm().item<double>() / std::max(1e-30, b.norm().item<double>());
}
// fp32 sums in another order; bf16 has eight bits: half a unit in the last place is 2^-9, a few roundings in
// a row.
inline double tolerance(at::ScalarType type) {
    return type == at::kFloat ? 5e-6 : 8e-3;
}

inline bool sameBits(const at::Tensor& a, const at::Tensor& b) {
    const at::Tensor x = a.cpu().contiguous(), y = b.cpu().contiguous();
    return x.nbytes() == y.nbytes() && std::memcmp(x.data_ptr(), y.data_ptr(), x.nbytes()) == 0;
}

// A device tensor between guard bands.
struct Guarded {
    at::Tensor whole, inner;
    Guarded(at::IntArrayRef shape, at::ScalarType type) {
        std::int64_t n = 1;
        for (const auto size : shape)
            n *= size;
        whole = at::full({n + 128}, 77, at::TensorOptions().dtype(type).device(at::kCUDA, 0));
        inner = whole.narrow(0, 64, n).view(shape);
    }
    [[nodiscard]] bool intact() const {
        const std::int64_t n = whole.numel();
        return (whole.narrow(0, 0, 64) == 77).all().item<bool>() &&
               (whole.narrow(0, n - 64, 64) == 77).all().item<bool>();
    }
};

// CARAVAN_FP32: without bf16, whose products Hopper's copy engine stores, which compute-sanitizer does not
// see.
inline const std::vector<at::ScalarType> kTypes =
    std::getenv("CARAVAN_FP32") != nullptr ? std::vector{at::kFloat} : std::vector{at::kFloat, at::kBFloat16};

}  // namespace caravan::engine::ops
