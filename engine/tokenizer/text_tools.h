// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine {

[[nodiscard]] std::string replaceAll(std::string_view text, std::string_view from, std::string_view to);
[[nodiscard]] std::string groupedDigits(std::size_t number);  // 32000 -> "32,000"
// Whether [begin, end) shares a byte with one of the ranges.
[[nodiscard]] bool touchesAny(std::span<const TextRange> ranges, std::size_t begin, std::size_t end);

}  // namespace caravan::engine
