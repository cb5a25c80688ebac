// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "engine/api/engine.h"
#include "engine/tokenizer/chat_template.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine::generate {

// How a model is asked: a run by the template that it was tuned with, a folder by its own chat template.
// folder: where the tokenizer lies. Throws FileBad.
[[nodiscard]] ChatTemplate promptForm(const std::filesystem::path& folder, const Recipe* recipe,
                                      const Tokenizer& tokenizer);

// --raw: bos where the tokenizer has one, then the text; names of special tokens are text.
[[nodiscard]] std::vector<TokenId> rawPrompt(const Tokenizer& tokenizer, std::string_view text);
// Up to where the assistant speaks. raw: the last message alone. Throws BadOption for messages that are no
// conversation (a system message, then user and assistant in turn, the user last), or the template's own
// error.
[[nodiscard]] std::vector<TokenId> promptIds(const Tokenizer& tokenizer, const ChatTemplate& form,
                                             const std::vector<ChatMessage>& messages, bool raw);

}  // namespace caravan::engine::generate
