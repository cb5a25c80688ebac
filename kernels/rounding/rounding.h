// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/common/launch.h"
#include "kernels/common/philox.h"

// fp32 values as bf16, to the nearest or at random: up with the probability of the part that is cut off, so
// that the mean over many roundings is the value itself. A small update of a large value is then kept on
// average, where rounding to the nearest would lose it every time.
//
// A Philox block rounds eight neighbours, 16 bits each, low half of a word first; an element is counted from
// the begin of its flat buffer. On a GPU a pass over gradients moves 12 bytes an element (the fp32 sum read
// and cleared, bf16 read and written).
namespace caravan::kernels {

CARAVAN_DEVICE std::uint32_t floatBits(float x) {
    std::uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}
CARAVAN_DEVICE float floatOf(std::uint16_t bf16) {
    const std::uint32_t bits = static_cast<std::uint32_t>(bf16) << 16;
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}
// Infinities stay; not-a-number stays one.
CARAVAN_DEVICE std::uint16_t bf16Special(std::uint32_t bits) {
    return static_cast<std::uint16_t>((bits >> 16) | ((bits & 0x7FFFFFu) != 0 ? 0x40u : 0u));
}
CARAVAN_DEVICE std::uint16_t bf16Nearest(float x) {
    const std::uint32_t bits = floatBits(x);
    if ((bits & 0x7F800000u) == 0x7F800000u) return bf16Special(bits);
    return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}
// half: 16 random bits. What bf16 can hold already stays as it is.
CARAVAN_DEVICE std::uint16_t bf16AtRandom(float x, std::uint32_t half) {
    const std::uint32_t bits = floatBits(x);
    if ((bits & 0x7F800000u) == 0x7F800000u) return bf16Special(bits);
    return static_cast<std::uint16_t>((bits + half) >> 16);
}
// The i-th half-word of a block, i below 8.
CARAVAN_DEVICE std::uint32_t halfWord(const PhiloxBlock& block, int i) {
    return (block.word[i / 2] >> (16 * (i % 2))) & 0xFFFFu;
}

// A step's gradients come in micro-batches; each is rounded with other bits. rowOffset: tokens of the step
// before this one.
CARAVAN_DEVICE std::uint64_t gradientBlock(std::int64_t rowOffset, std::int64_t element) {
    return (static_cast<std::uint64_t>(rowOffset) << 32) + static_cast<std::uint64_t>(element) / 8;
}

void widenBf16(const std::uint16_t* from, float* to, std::int64_t n);
// key null: to the nearest. first: index of from[0] in its buffer, a multiple of 8.
void roundToBf16(const float* from, std::uint16_t* to, std::int64_t n, const PhiloxKey* key,
                 std::int64_t first);

// sum += part, part = 0, elements [begin, end), begin a multiple of 8. The first micro-batch of a step
// (rowOffset 0) finds zeros and is rounded to the nearest, those after it at random: to the nearest, what is
// small beside the sum so far would be lost.
struct GradientSum {
    std::uint16_t* sum;  // bf16
    float* part;
    std::int64_t first = 0;  // index of sum[0] in its buffer, a multiple of 8
    PhiloxKey key;
    std::int64_t rowOffset = 0;
};
void addGradients(const GradientSum& gradient, std::int64_t begin, std::int64_t end);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

// As above; live: step and rowOffset are read there instead.
int addGradients(const GradientSum& gradient, std::int64_t count, const StepWords* live, Stream stream);

}  // namespace caravan::kernels::cuda
