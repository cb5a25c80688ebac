// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/philox.h"

namespace caravan::kernels {

// What neighbouring blocks of a mask multiply by: keep[8 b + j] is mask.scale or 0 for column j of block
// firstBlock + b. The same values on every processor and on the GPU.
// bits, if given, gets a byte a block: bit j is set where column j is kept.
void keepScales(const DropoutMask& mask, std::uint64_t firstBlock, std::int64_t blocks, float* keep,
                std::uint8_t* bits = nullptr);
// The same values from those bits, at a fifth of the price.
void keepScalesOfBits(const std::uint8_t* bits, float scale, std::int64_t blocks, float* keep);

}  // namespace caravan::kernels
