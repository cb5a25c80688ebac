// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>

#include "kernels/decode_linear/decode_linear.h"

// The kernels behind decodeLinear() and decodeChain().
namespace caravan::kernels::cuda {

struct DecodeLaunch;

std::size_t nf4SharedBytes(const DecodeLaunch& launch);
// chain: null for one linear. All with the layout of shared memory of the first one.
int launchNf4(const DecodeLaunch* launches, int count, const DecodeChain* chain, unsigned blocks,
              Stream stream);
std::size_t rowsSharedBytes(Element element, const DecodeLaunch& launch);
int rowsPerMultiprocessor(Element element, const DecodeLaunch& launch);
int launchRows(Element element, const DecodeLaunch& launch, unsigned blocks, Stream stream);

}  // namespace caravan::kernels::cuda
