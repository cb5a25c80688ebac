// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "engine/cuda/table.h"

// The CUDA half of the engine: libcaravan_cuda.so, opened when a driver is there.
namespace caravan::engine::ops {

struct CudaState {
    const cuda::Table* table = nullptr;  // null: no CUDA, and note says why
    int devices = 0;
    std::string note;
};

// Opens the plugin once per process; path "" = beside the file that holds the engine's code. Call it before
// anything else of the engine: LibTorch remembers for good that there is no CUDA once something asked for it
// too early. Thread-safe, may take 0.2 s.
const CudaState& openCuda(const std::string& path = "");
// What openCuda() found; opens nothing.
const CudaState& cudaState();
// Whether GPU operations have to give the same bits every time (the start's setting) or may be faster. Of the
// whole process; nothing to do without a GPU.
void setRepeatable(bool exact);

std::string cudaDeviceName(int device);
std::string cudaBusId(int device);  // "0000:65:00.0", or "": it is not told
cuda::DeviceMemory cudaMemory(int device);
void resetCudaPeak(int device);

}  // namespace caravan::engine::ops
