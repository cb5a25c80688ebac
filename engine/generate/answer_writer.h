// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "engine/api/engine.h"
#include "engine/generate/sampler.h"
#include "engine/generate/stop_filter.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine::generate {

// Tokens of an answer at most: what is asked for, and what the model's positions leave behind the prompt.
[[nodiscard]] std::int64_t answerLimit(const GenerateOptions& options, std::int64_t promptTokens,
                                       const ModelConfig& config);

// One answer from its tokens: the text as it becomes certain (whole characters, no stop string), an event per
// token, and when it ends.
class AnswerWriter {
  public:
    struct Asked {
        std::chrono::steady_clock::time_point start;  // of the request
        std::int64_t promptTokens = 0, limit = 0;
    };
    // The tokenizer must outlive the writer.
    AnswerWriter(const Tokenizer& tokenizer, const GenerateOptions& options, const Asked& asked);
    [[nodiscard]] bool open() const { return m_open; }
    // The next token while open; describe fills the event's routing. A stop may be asked for by the callback.
    void take(const SampledToken& sampled, const std::function<void(TokenEvent&)>& describe,
              const TokenFunction& token, const std::stop_token& stop);
    [[nodiscard]] GenerateSummary summary() const;

  private:
    [[nodiscard]] std::string feed(TokenId id);
    [[nodiscard]] std::string finish();
    [[nodiscard]] bool ends(TokenId id) const;
    void close(const char* finish);

    const Tokenizer& m_tokenizer;
    Asked m_asked;
    StreamDecoder m_decoder;
    StopFilter m_filter;
    GenerateSummary m_summary;
    std::chrono::steady_clock::time_point m_decodeStart, m_end;
    bool m_open;
};

}  // namespace caravan::engine::generate
