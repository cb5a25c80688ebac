// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace caravan::engine::train {

// The shape that a short micro-batch is padded to, so that few graphs serve all steps. Padding lies behind
// the true rows, in rows of its own, none of them empty.
struct StepBucket {
    std::int64_t tokens = 0, rows = 0;
    std::int64_t longest = 0;  // no row is longer
    bool even = false;         // nothing is padded: all rows have the longest's length
    friend auto operator<=>(const StepBucket&, const StepBucket&) = default;
};

// offsets: where rows begin, and the end of the last one. None for an empty micro-batch and for more than
// kMostGraphTokens. A pure function: whether a step is padded does not depend on the run's past.
[[nodiscard]] std::optional<StepBucket> bucketOf(std::span<const std::int64_t> offsets);

// Lengths of the padding's rows behind so many true rows and tokens.
[[nodiscard]] std::vector<std::int64_t> paddingRows(const StepBucket& bucket, std::int64_t rows,
                                                    std::int64_t tokens);

}  // namespace caravan::engine::train
