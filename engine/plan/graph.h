// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace caravan::engine {

// Micro-batches of at most so many tokens are launched as a graph on a GPU (tune.graph): longer ones keep it
// busier than their launches take.
inline constexpr std::int64_t kMostGraphTokens = 8192;

}  // namespace caravan::engine
