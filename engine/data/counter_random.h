// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace caravan::engine {

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): four words that are
// a pure function of counter and key.
[[nodiscard]] std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key);

enum class DataPurpose : std::uint32_t {
    EpochOrder = 0x100,
    RowFraction = 0x101,
    HeldoutSplit = 0x102,
    RoutingShuffle = 0x103
};

// Indices 0..count-1 in an order that is a pure function of (seed, purpose, index).
[[nodiscard]] std::vector<std::int32_t> permutation(std::uint64_t seed, DataPurpose purpose,
                                                    std::uint32_t index, std::int64_t count);

}  // namespace caravan::engine
