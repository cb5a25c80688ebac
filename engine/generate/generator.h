// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/api/engine.h"
#include "engine/model/model.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine::generate {

class DeviceDecoder;
class TokenSource;

// Writes answers with one model. The KV cache of the last answer is kept: a next turn that begins alike is
// not computed anew. Not thread-safe. Throws EngineException; a stop request ends the answer with finish
// "cancelled".
class Generator {
  public:
    // Both must outlive the generator.
    Generator(model::Model& model, const Tokenizer& tokenizer);
    ~Generator();
    // A token's experts, weights and alternatives are those of the pass that chose it.
    // dense: the base alone, without experts and LoRA.
    GenerateSummary run(std::span<const TokenId> prompt, const GenerateOptions& options,
                        const TokenFunction& token, std::stop_token stop, bool dense = false);
    // The weights changed (a live run went on): nothing cached is valid.
    void forget();

  private:
    struct Asked {
        std::chrono::steady_clock::time_point start;
        std::int64_t promptTokens;
        const GenerateOptions& options;
    };
    void check(std::span<const TokenId> prompt, const GenerateOptions& options, bool dense);
    // room: positions of the cache behind the prompt
    [[nodiscard]] at::Tensor prefill(std::span<const TokenId> prompt, const model::ForwardOptions& forward,
                                     std::int64_t room);
    [[nodiscard]] GenerateSummary write(TokenSource& source, std::int64_t limit, const Asked& asked,
                                        const TokenFunction& token, const std::stop_token& stop);

    model::Model& m_model;
    const Tokenizer& m_tokenizer;
    std::optional<model::KvCache> m_cache;
    std::vector<TokenId> m_cached;     // what the cache holds
    std::vector<SteerExpert> m_steer;  // in force when it was filled
    std::optional<std::int64_t> m_activeExperts;
    bool m_dense = false;
    std::unique_ptr<DeviceDecoder> m_decoder;  // made when the model is on a GPU
};

// What the model does not have is BadOption.
void checkSteering(const GenerateOptions& options, const ModelConfig& config);
void checkPrompt(std::span<const TokenId> prompt, const ModelConfig& config);
[[nodiscard]] bool sameSteering(const std::vector<SteerExpert>& a, const std::vector<SteerExpert>& b);

}  // namespace caravan::engine::generate
