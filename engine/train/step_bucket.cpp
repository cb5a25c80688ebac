// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/step_bucket.h"

#include <algorithm>
#include <bit>

#include "engine/plan/graph.h"

namespace caravan::engine::train {
namespace {

constexpr std::int64_t kLeastUnit = 32, kLeastLongest = 256;

std::int64_t roundUp(std::int64_t value, std::int64_t unit) {
    return (value + unit - 1) / unit * unit;
}

std::int64_t powerAbove(std::int64_t value) {
    return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(value)));
}

// A sixteenth of the power of two below: 3 % of padding on average, 16 shapes from n to 2 n tokens.
std::int64_t tokenUnit(std::int64_t tokens) {
    return std::max(kLeastUnit, powerAbove(tokens) / 32);
}

std::int64_t rowUnit(std::int64_t rows) {
    return rows < 4 ? 1 : rows < 16 ? 4 : 8;
}

}  // namespace

std::optional<StepBucket> bucketOf(std::span<const std::int64_t> offsets) {
    const std::int64_t rows = std::max<std::int64_t>(0, static_cast<std::int64_t>(offsets.size()) - 1),
                       tokens = rows > 0 ? offsets.back() : 0;
    if (tokens == 0 || tokens > kMostGraphTokens) return std::nullopt;
    std::int64_t longest = 0;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
        longest = std::max(longest, offsets[i + 1] - offsets[i]);
    if (rows * longest == tokens && tokens % kLeastUnit == 0) return StepBucket{tokens, rows, longest, true};
    StepBucket bucket;
    bucket.rows = roundUp(rows + 1, rowUnit(rows + 1));
    const std::int64_t least = tokens + bucket.rows - rows;
    bucket.tokens = roundUp(least, tokenUnit(least));
    // All but one of the padding's rows are of one token: that one takes less than a unit more than the rest.
    bucket.longest =
        std::min(bucket.tokens, powerAbove(std::max({longest, kLeastLongest, bucket.tokens - least + 1})));
    // Attention would take rows times longest = tokens for rows of equal lengths.
    while (bucket.rows * bucket.longest == bucket.tokens)
        bucket.longest *= 2;
    return bucket;
}

std::vector<std::int64_t> paddingRows(const StepBucket& bucket, std::int64_t rows, std::int64_t tokens) {
    std::vector<std::int64_t> lengths(static_cast<std::size_t>(bucket.rows - rows), 1);
    if (!lengths.empty()) lengths.front() += bucket.tokens - tokens - (bucket.rows - rows);
    return lengths;
}

}  // namespace caravan::engine::train
