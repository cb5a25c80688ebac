// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

// What libcaravan_cuda.so gives the engine. Raw pointers and values only; grows at the end, with its version.
namespace caravan::engine::cuda {

inline constexpr std::uint32_t kTableVersion = 1;

struct Table {
    std::uint32_t version = kTableVersion;
};

}  // namespace caravan::engine::cuda
