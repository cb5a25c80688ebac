// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace caravan::engine {

// Oniguruma's Ruby syntax to PCRE2: white space and word characters by Unicode property, \h = hexadecimal
// digit, (?m) = dot matches line feeds, (?i) up to the end of its group, scripts without their extensions,
// sets within sets and "&&" as look-aheads. What both spell alike passes through.
[[nodiscard]] std::string translatePattern(std::string_view onigurumaPattern);

}  // namespace caravan::engine
