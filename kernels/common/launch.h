// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

// What every CUDA launcher takes. A launcher returns the launch's cudaError_t as an int (0 = launched), never
// waits, and takes its stream last.
struct CUstream_st;
namespace caravan::kernels::cuda {

using Stream = CUstream_st*;
enum class Element : std::int32_t { F32, BF16 };

}  // namespace caravan::kernels::cuda
