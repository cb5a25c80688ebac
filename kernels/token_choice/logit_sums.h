// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

// What the host's choice of a token reads from a row of logits. Values that are not finite do not count.
//
// Log, 32,000 logits on one core: with libm's exp and a branch for each value 0.5 ms in all, which the first
// token of every answer waits for; floor some 20 us. These (a core of a Zen 4 with AVX2): sums 30 us, place
// 1, blocks 1.
namespace caravan::kernels {

struct LogitSums {
    float top = 0;                 // the highest; -infinity where none is finite
    double sum = 0, weighted = 0;  // of e^d and d e^d, d = value - top
};
LogitSums logitSums(const float* logits, std::int64_t count);

// How many are above logits[id], or equal to it and in front of it.
std::int64_t logitsAhead(const float* logits, std::int64_t count, std::int64_t id);

// The first of the blocks of kLogitBlock values, from begin on, that holds a value above `above`, or the end.
constexpr std::int64_t kLogitBlock = 64;
std::int64_t nextBlockAbove(const float* logits, std::int64_t count, std::int64_t begin, float above);

}  // namespace caravan::kernels
