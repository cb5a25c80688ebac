// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "engine/tokenizer/jinja/syntax_tree.h"

namespace caravan::engine::jinja {

// Throws Failure (TemplateSyntaxError with its line).
[[nodiscard]] Body parseTemplate(std::string_view source);

}  // namespace caravan::engine::jinja
