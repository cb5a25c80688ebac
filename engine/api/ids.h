// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <compare>
#include <cstdint>

namespace caravan::engine {

// Bare integers that mean different things are different types.
template <class Tag, class Int = std::int32_t>
struct Id {
    Int value{};
    constexpr Id() = default;
    constexpr explicit Id(Int v) : value(v) {}
    friend constexpr auto operator<=>(Id, Id) = default;
};

using TokenId = std::int32_t;            // index into the vocabulary
using LayerIndex = Id<struct LayerTag>;  // decoder layer, from 0
using ExpertId = Id<struct ExpertTag>;   // index in the checkpoint keys, from 0
using StepIndex = std::int64_t;          // optimizer step, counts from 1; 0 = before the first
using Bytes = std::int64_t;

}  // namespace caravan::engine
