// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/token_source.h"

namespace caravan::engine::generate {

HostTokens::HostTokens(const AnswerContext& context, Sampler sampler, at::Tensor logits,
                       std::vector<moe::LayerRouting>& routing)
    : m_context(context), m_sampler(std::move(sampler)), m_logits(std::move(logits)), m_routing(routing) {}

SampledToken HostTokens::next() {
    if (m_index > 0) {
        m_sampler.saw(std::span(&m_last, 1));
        m_routing.clear();
        const at::Tensor hidden =
            m_context.model.decode(std::span(&m_last, 1), m_context.cache, m_context.forward);
        m_context.cached.push_back(m_last);
        m_logits = m_context.model.logits(hidden);
    }
    // Asked for first: it comes while the device still works, and the host waits once.
    if (m_context.forward.routing) m_noted = noteRouting(m_routing);
    const at::Tensor row = asHostCopy(m_logits.to(at::kFloat), true);
    const std::span<const float> values(row.const_data_ptr<float>(), static_cast<std::size_t>(row.numel()));
    SampledToken sampled =
        m_sampler.sample(values, m_context.sampler.temperature > 0 ? uniformFor(m_context.seed, m_index) : 0);
    ++m_index;
    m_last = sampled.id;
    return sampled;
}

void HostTokens::describe(TokenEvent& event) const {
    describeRouting(m_noted, event);
}

DeviceTokens::DeviceTokens(const AnswerContext& context, HostTokens& first, DeviceDecoder& decoder,
                           std::vector<TokenId> prompt, std::int64_t tokens)
    : m_context(context), m_first(first), m_decoder(decoder), m_prompt(std::move(prompt)), m_tokens(tokens) {}

SampledToken DeviceTokens::next() {
    if (++m_given == 1) {
        SampledToken sampled = m_first.next();
        m_last = sampled.id;
        return sampled;
    }
    if (m_given == 2)
        m_decoder.start({.request = {.cache = &m_context.cache,
                                     .steering = m_context.forward.steering,
                                     .routing = m_context.forward.routing != nullptr},
                         .first = m_last,
                         .sampler = m_context.sampler,
                         .seed = m_context.seed,
                         .prompt = m_prompt,
                         .tokens = m_tokens - 1});
    m_token = m_decoder.next();
    m_context.cached.push_back(m_last);
    m_context.cache.advance(1);
    m_last = m_token.sampled.id;
    return m_token.sampled;
}

void DeviceTokens::describe(TokenEvent& event) const {
    if (m_given == 1)
        m_first.describe(event);
    else
        m_decoder.describe(m_token, event);
}

}  // namespace caravan::engine::generate
