// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/ops_gpu/device.h"

namespace caravan::engine::ops {
namespace {

class DeviceMemory : public GpuTest {};

// A program asks for it before anything else: run alone, no tensor was made yet.
TEST_F(DeviceMemory, IsToldBeforeTheFirstTensor) {
    resetCudaPeak(0);
    const cuda::DeviceMemory before = cudaMemory(0);
    EXPECT_GT(before.total, before.free);
    EXPECT_GT(before.free, 0u);
    const at::Tensor held = at::zeros({1 << 20}, at::TensorOptions().device(at::kCUDA, 0));
    EXPECT_GE(cudaMemory(0).allocated, before.allocated + held.nbytes());
}

}  // namespace
}  // namespace caravan::engine::ops
