// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>

#include "kernels/common/launch.h"

// The two kernels behind decodeLinear().
namespace caravan::kernels::cuda {

struct DecodeLaunch;

std::size_t nf4SharedBytes(const DecodeLaunch& launch);
int launchNf4(const DecodeLaunch& launch, unsigned blocks, Stream stream);
std::size_t rowsSharedBytes(Element element, const DecodeLaunch& launch);
int rowsPerMultiprocessor(Element element, const DecodeLaunch& launch);
int launchRows(Element element, const DecodeLaunch& launch, unsigned blocks, Stream stream);

}  // namespace caravan::kernels::cuda
