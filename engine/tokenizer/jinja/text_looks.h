// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "engine/tokenizer/jinja/interpreter.h"

namespace caravan::engine::jinja {

[[nodiscard]] bool isCased(char32_t c);
[[nodiscard]] std::string caseFolded(const std::string& text);
// Upper case follows only what has no case, lower case only what has one.
[[nodiscard]] bool isTitle(const Text& text);
[[nodiscard]] bool isIdentifier(const Text& text);
[[nodiscard]] Text tabsExpanded(Interpreter& interpreter, const Text& text, std::int64_t size);

}  // namespace caravan::engine::jinja
