// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "engine/api/engine.h"
#include "engine/generate/device_decoder.h"
#include "engine/generate/sampler.h"
#include "engine/generate/token_routing.h"
#include "engine/model/model.h"

namespace caravan::engine::generate {

// What every way of writing an answer shares: where it stands and how a token is chosen.
struct AnswerContext {
    model::Model& model;
    model::KvCache& cache;
    std::vector<TokenId>& cached;  // what the cache holds
    const model::ForwardOptions& forward;
    SamplerOptions sampler;
    std::uint64_t seed = 0;
};

// The tokens of an answer, one after the other. The token that next() gave last is read by the pass that
// chooses the next one, and then stands in the cache.
class TokenSource {
  public:
    virtual ~TokenSource() = default;
    [[nodiscard]] virtual SampledToken next() = 0;
    virtual void describe(TokenEvent& event) const = 0;  // the routing of the pass that chose the last token
};

// One pass at a time, chosen on the host: every device, every model.
class HostTokens final : public TokenSource {
  public:
    // logits [1, V] of the prompt's last token; routing: what the forward options collect, filled by prefill.
    HostTokens(const AnswerContext& context, Sampler sampler, at::Tensor logits,
               std::vector<moe::LayerRouting>& routing);
    SampledToken next() override;
    void describe(TokenEvent& event) const override;

  private:
    AnswerContext m_context;
    Sampler m_sampler;
    at::Tensor m_logits;
    std::vector<moe::LayerRouting>& m_routing;
    NotedRouting m_noted;  // of the pass that chose the last token
    std::int64_t m_index = 0;
    TokenId m_last = 0;
};

// The first token from the host, the rest from the device decoder.
class DeviceTokens final : public TokenSource {
  public:
    // first: gave no token yet; tokens: of the whole answer at most.
    DeviceTokens(const AnswerContext& context, HostTokens& first, DeviceDecoder& decoder,
                 std::vector<TokenId> prompt, std::int64_t tokens);
    ~DeviceTokens() override { m_decoder.finish(); }
    SampledToken next() override;
    void describe(TokenEvent& event) const override;

  private:
    AnswerContext m_context;
    HostTokens& m_first;
    DeviceDecoder& m_decoder;
    std::vector<TokenId> m_prompt;
    std::int64_t m_tokens, m_given = 0;
    TokenId m_last = 0;
    DeviceDecoder::Token m_token;
};

}  // namespace caravan::engine::generate
