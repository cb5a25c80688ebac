// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/target.h"

// Philox4x32-10 (Salmon et al., SC 2011), the project's only source of randomness; the same bits on CPU and
// GPU.
namespace caravan::kernels {

// What the caller's (seed, purpose, step, layer, site) became; the block index is the rest of the counter.
struct PhiloxKey {
    std::uint32_t key0 = 0, key1 = 0, counter2 = 0, counter3 = 0;
};

struct PhiloxBlock {
    std::uint32_t word[4];
};

// Finaliser of splitmix64: spreads a seed's bits.
CARAVAN_DEVICE std::uint64_t mixBits(std::uint64_t z) {
    z += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

CARAVAN_DEVICE PhiloxKey philoxKey(std::uint64_t seed, std::uint32_t purpose, std::uint64_t step,
                                   std::uint32_t layer, std::uint32_t site) {
    const std::uint64_t key = mixBits(mixBits(seed) ^ (std::uint64_t{purpose} << 32) ^ (step >> 32));
    return {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32),
            static_cast<std::uint32_t>(step), (layer << 16) ^ (layer >> 16) ^ site};
}

CARAVAN_DEVICE PhiloxBlock philox(const PhiloxKey& key, std::uint64_t block) {
    std::uint32_t c0 = static_cast<std::uint32_t>(block), c1 = static_cast<std::uint32_t>(block >> 32);
    std::uint32_t c2 = key.counter2, c3 = key.counter3, k0 = key.key0, k1 = key.key1;
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0, p1 = std::uint64_t{0xCD9E8D57u} * c2;
        const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
        const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
        c1 = static_cast<std::uint32_t>(p1);
        c3 = static_cast<std::uint32_t>(p0);
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
}

// What a step that is launched as a graph reads from device memory: its launches' arguments stay the same
// while these change from step to step.
struct StepWords {
    std::uint32_t step = 0;      // low half of the optimizer step, as PhiloxKey::counter2
    std::int32_t tokens = 0;     // of the micro-batch; rows behind them are padding
    std::int64_t rowOffset = 0;  // as DropoutMask::rowOffset
    double counted = 1;          // choices that the balance term's f is a share of
    double valueShare = 0;       // what the micro-batch's sum f p counts in the step's balance
    double coefficient = 0;      // of the balance term's gradient
};

// Dropout mask of a [rows, columns] tensor. A block decides eight neighbouring columns of a row, 16 bits
// each: block = row * ceil(columns / 8) + column / 8; column % 8 picks the half-word, low half of a word
// first. The element is kept when its half-word >= threshold.
struct DropoutMask {
    PhiloxKey key;
    std::uint32_t threshold = 0;      // round(p * 65536)
    float scale = 1;                  // 1 / (1 - p)
    std::int64_t rowOffset = 0;       // index of row 0 in the step's numbering
    const StepWords* live = nullptr;  // on a GPU: step and rowOffset are read here instead
};

CARAVAN_DEVICE std::int64_t blocksPerRow(std::int64_t columns) {
    return (columns + 7) / 8;
}

}  // namespace caravan::kernels
