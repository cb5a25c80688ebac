// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine {

// Jinja source of a form that Caravan brings along: llama2, llama3, chatml, mistral, alpaca, and pesc (which
// is encoded by its own rule, see ChatTemplate; its source is for exports). Where the tokenizer does not know
// the form's own end mark, or would not stop at it, answers end with eos. Nothing for other names.
[[nodiscard]] std::optional<std::string> builtinTemplate(std::string_view name, const Tokenizer& tokenizer);
// Whether this is what an export of a model tuned with PESC holds.
[[nodiscard]] bool isPescTemplate(std::string_view source);

}  // namespace caravan::engine
