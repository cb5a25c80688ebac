// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/api/engine.h"
#include "engine/generate/decode_graph.h"
#include "engine/generate/sampler.h"

namespace caravan::engine::generate {

// Continues an answer on the device: a CUDA graph a token, captured once per shape and cache, two tokens
// ahead of the caller at most. Token, position, sampler state and everything that is told about a token stay
// on the device until the token is asked for. Not thread-safe. Throws EngineException.
class DeviceDecoder {
  public:
    struct Start {
        DecodeRequest request;  // the cache has room for `tokens` more
        TokenId first = 0;      // the answer's first token, chosen already, not in the cache yet
        SamplerOptions sampler;
        std::uint64_t seed = 0;
        std::span<const TokenId> prompt;  // for the repetition penalty
        std::int64_t tokens = 0;          // next() is called so often at most
    };
    struct Token {
        SampledToken sampled;
        const float* notes = nullptr;  // as DecodePlan tells, of the pass that chose it; valid until next()
    };

    [[nodiscard]] static bool supports(model::Model& model, const SamplerOptions& sampler);
    explicit DeviceDecoder(model::Model& model);
    ~DeviceDecoder();
    DeviceDecoder(const DeviceDecoder&) = delete;
    DeviceDecoder& operator=(const DeviceDecoder&) = delete;

    void start(const Start& start);
    // Blocks until the next token is there. Its pass has read the token before it.
    [[nodiscard]] Token next();
    void finish() noexcept;  // waits for passes that nobody asks for; the cache is free again
    void describe(const Token& token, TokenEvent& event) const;

  private:
    void prepare(const DecodeRequest& request);
    void launchOne();

    model::Model& m_model;
    DecodeStream m_stream;
    std::unique_ptr<DecodeGraph> m_graph;
    std::vector<std::int64_t> m_key;
    std::int64_t m_launched = 0, m_taken = 0, m_wanted = 0;
};

}  // namespace caravan::engine::generate
