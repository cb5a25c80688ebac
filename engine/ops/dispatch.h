// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/ops/cuda_plugin.h"
#include "engine/ops/support.h"

// From a CUDA tensor to the plugin's table.
namespace caravan::engine::ops {

const cuda::Table& cudaTable();  // or DeviceUnavailable
[[noreturn]] void failLaunch(const char* operation, int error);

// Kernels for compute capability 9 and above may be used: the first device has it, and CARAVAN_GENERIC_GPU is
// not set (which forces the paths of older cards, for tests).
[[nodiscard]] bool hopperPaths();

inline void checkLaunch(const char* operation, int error) {
    if (error != 0) failLaunch(operation, error);
}

// Stream of the tensor's device, which becomes the calling thread's current one.
inline kernels::cuda::Stream streamOf(const at::Tensor& x) {
    const int device = static_cast<int>(x.get_device());
    checkLaunch("set device", cudaTable().setDevice(device));
    return cudaTable().currentStream(device);
}

inline kernels::cuda::Element elementOf(const char* operation, const at::Tensor& x) {
    if (x.scalar_type() == at::kFloat) return kernels::cuda::Element::F32;
    if (x.scalar_type() == at::kBFloat16) return kernels::cuda::Element::BF16;
    failType(operation, x);
}

}  // namespace caravan::engine::ops
