// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <utility>
#include <vector>

#include "engine/tokenizer/jinja/syntax_tree.h"

namespace caravan::engine::jinja {

// A list of expressions, which can be moved only.
template <class... Parts>
std::vector<ExpressionPtr> parts(Parts... expressions) {
    std::vector<ExpressionPtr> out;
    (out.push_back(std::move(expressions)), ...);
    return out;
}

}  // namespace caravan::engine::jinja
