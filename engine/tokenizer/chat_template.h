// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/engine.h"
#include "engine/api/result.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine {
struct ParsedTemplate;

struct TemplateOptions {
    bool addGenerationPrompt = false;
    std::optional<std::string> bos, eos;  // texts of the special tokens; nullopt = the template sees none
};
struct RenderedChat {
    std::string text;
    std::vector<TextRange> plain;  // what came from the messages: never parsed as special tokens
};

// Renders a Jinja template in Hugging Face's setting (trim_blocks, lstrip_blocks, loop controls, sandbox) for
// a list of {role, content, ...}. Own engine with limits on steps and output. Errors: FileBad {file = name,
// place "line N", detail = the template's own message, kind = "UndefinedError", ...}. Blocks for as long as
// the template runs.
[[nodiscard]] Result<RenderedChat> renderChatTemplate(std::string_view source,
                                                      const nlohmann::ordered_json& messages,
                                                      const TemplateOptions& options,
                                                      const std::string& name = "template");

// A JSON list of messages with the limits for untrusted files; keys keep their order.
[[nodiscard]] Result<nlohmann::ordered_json> readMessages(const std::filesystem::path& file);
[[nodiscard]] nlohmann::ordered_json toMessages(const std::vector<ChatMessage>& messages);

// A conversation as ids, and which of them its assistant wrote.
struct MaskedChat {
    std::vector<TokenId> ids;
    std::vector<std::uint8_t> trained;  // [ids] 1: an answer and what ends it
    std::vector<std::size_t> turnEnds;  // ids up to the end of each answer
};

// How conversations are written: one object for the preview, tuning, chat, evaluation and export. Immutable;
// any thread.
class ChatTemplate {
  public:
    // By the recipe's word (kTemplateNames): a built-in form, or "model" for load(folder).
    [[nodiscard]] static Result<ChatTemplate> named(std::string_view name,
                                                    const std::filesystem::path& folder,
                                                    const Tokenizer& tokenizer);
    // The folder's chat_template.jinja, else chat_template of tokenizer_config.json, else the PESC form.
    [[nodiscard]] static Result<ChatTemplate> load(const std::filesystem::path& folder);
    [[nodiscard]] static ChatTemplate pesc() { return {}; }
    [[nodiscard]] static ChatTemplate fromSource(std::string source, std::string name);

    [[nodiscard]] bool isPesc() const { return m_source.empty(); }
    [[nodiscard]] const std::string& name() const { return m_name; }  // file name, or "PESC"
    [[nodiscard]] Result<RenderedChat> render(const nlohmann::ordered_json& messages,
                                              const TemplateOptions& options) const;
    // Ids of a conversation, special tokens of the form parsed, those in messages not. The PESC form encodes
    // each answer on its own, exactly as training data.
    [[nodiscard]] Result<std::vector<TokenId>> encode(const Tokenizer& tokenizer,
                                                      const std::vector<ChatMessage>& messages,
                                                      bool addGenerationPrompt) const;
    // The same ids for a conversation that ends with an answer, with the assistant's part marked: of PESC by
    // construction, of other templates by rendering prefixes of the conversation. Error FileBad: the template
    // fails, or writes these messages so that an answer's place cannot be told (detail says which).
    [[nodiscard]] Result<MaskedChat> encodeMasked(const Tokenizer& tokenizer,
                                                  const std::vector<ChatMessage>& messages) const;
    // Jinja source, for a model folder that shall answer as it was tuned.
    [[nodiscard]] std::string source(const Tokenizer& tokenizer) const;

  private:
    [[nodiscard]] Result<RenderedChat> renderFor(const Tokenizer& tokenizer,
                                                 const std::vector<ChatMessage>& messages,
                                                 bool addGenerationPrompt) const;
    std::string m_source, m_name = "PESC";
    std::shared_ptr<const ParsedTemplate> m_parsed;  // null: PESC, or the source does not parse
};

}  // namespace caravan::engine
