// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace caravan::engine {

// A word on its way to the model.
struct Word {
    std::string text;
    bool atStart = false;  // begins where the whole text begins
};

// The "pre_tokenizer" of tokenizer.json: ByteLevel, Split, Digits, Metaspace, Punctuation, Whitespace,
// WhitespaceSplit, BertPreTokenizer, CharDelimiterSplit, Sequence.
class PreTokenizer {
  public:
    PreTokenizer() = default;  // one word per text
    // Throws EngineException (FileBad) naming what is not supported. json may be null.
    [[nodiscard]] static PreTokenizer fromJson(const nlohmann::json& json, const std::string& place);
    [[nodiscard]] std::vector<Word> apply(Word text) const;

  private:
    // One word to several; empty ones must not be given out.
    using Step = std::function<void(Word&&, std::vector<Word>&)>;
    static Step makeStep(const std::string& type, const nlohmann::json& json, const std::string& place);
    static Step metaspace(const nlohmann::json& json, const std::string& place);
    static Step byteLevel(const nlohmann::json& json, const std::string& place);
    std::vector<Step> m_steps;
};

}  // namespace caravan::engine
