// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/prompt.h"

namespace caravan::engine::generate {
namespace {

[[noreturn]] void badMessages(const std::string& value, const std::string& range) {
    throw EngineException(ErrorCode::BadOption, {{"key", "messages"}, {"value", value}, {"range", range}});
}

void checkConversation(const std::vector<ChatMessage>& messages) {
    std::string before;
    for (const auto& message : messages) {
        const bool known = message.role == "system" || message.role == "user" || message.role == "assistant";
        if (!known) badMessages(message.role, "the roles system, user and assistant");
        if (message.role == "system" && !before.empty())
            badMessages("system", "one system message, before the others");
        if (message.role == before) badMessages(before + ", " + before, "user and assistant in turn");
        if (message.role == "assistant" && before != "user")
            badMessages("assistant", "an answer behind a question");
        before = message.role;
    }
    if (before != "user")
        badMessages(std::to_string(messages.size()) + " messages", "a last message from the user");
}

}  // namespace

ChatTemplate promptForm(const std::filesystem::path& folder, const Recipe* recipe,
                        const Tokenizer& tokenizer) {
    return unwrap(recipe ? ChatTemplate::named(recipe->data.templateName, folder, tokenizer)
                         : ChatTemplate::load(folder));
}

std::vector<TokenId> rawPrompt(const Tokenizer& tokenizer, std::string_view text) {
    std::vector<TokenId> ids = tokenizer.encode(text);
    if (const auto bos = tokenizer.bosId()) ids.insert(ids.begin(), *bos);
    return ids;
}

std::vector<TokenId> promptIds(const Tokenizer& tokenizer, const ChatTemplate& form,
                               const std::vector<ChatMessage>& messages, bool raw) {
    if (raw) return rawPrompt(tokenizer, messages.empty() ? std::string() : messages.back().content);
    checkConversation(messages);
    return unwrap(form.encode(tokenizer, messages, true));
}

}  // namespace caravan::engine::generate
