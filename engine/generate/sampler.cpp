// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/sampler.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"
#include "kernels/token_choice/logit_sums.h"

namespace caravan::engine::generate {
namespace {

bool higher(const Candidate& a, const Candidate& b) {
    return a.logprob > b.logprob || (a.logprob == b.logprob && a.id < b.id);
}

// The n best of values, in order. Whole blocks of worse ones are passed over.
void best(std::span<const float> values, std::size_t n, std::vector<Candidate>& out) {
    out.clear();
    if (n == 0) return;
    const auto count = static_cast<std::int64_t>(values.size());
    for (std::int64_t at = 0; at < count; at += kernels::kLogitBlock) {
        // Of equal ones the first stays: only what is above the last counts.
        if (out.size() == n)
            at = kernels::nextBlockAbove(values.data(), count, at, static_cast<float>(out.back().logprob));
        for (std::int64_t i = at; i < std::min(count, at + kernels::kLogitBlock); ++i) {
            const float value = values[static_cast<std::size_t>(i)];
            const Candidate candidate{static_cast<TokenId>(i), value};
            if (!std::isfinite(value) || (out.size() == n && !higher(candidate, out.back()))) continue;
            if (out.size() == n) out.pop_back();
            out.insert(std::upper_bound(out.begin(), out.end(), candidate, higher), candidate);
        }
    }
}

}  // namespace

SamplerOptions samplerOptions(const GenerateOptions& options) {
    return {options.temperature, options.topP, options.topKTokens, options.repetitionPenalty,
            options.alternatives};
}

double uniformFor(std::uint64_t seed, std::int64_t index) {
    const ops::RandomKey key{.seed = seed, .purpose = ops::Purpose::Sampling, .step = index};
    return std::min(1.0 - 1e-9, 0.5 + static_cast<double>(ops::uniformHost({1}, 0.5, key).item<float>()));
}

Sampler::Sampler(const SamplerOptions& options, std::size_t vocabulary)
    : m_options(options), m_seen(vocabulary), m_scores(vocabulary) {}

void Sampler::saw(std::span<const TokenId> ids) {
    for (const TokenId id : ids)
        if (id >= 0 && static_cast<std::size_t>(id) < m_seen.size())
            m_seen[static_cast<std::size_t>(id)] = true;
}

SampledToken Sampler::sample(std::span<const float> logits, double uniform) {
    m_scores.assign(logits.begin(), logits.end());
    if (m_options.repetitionPenalty != 1.0) {
        const auto penalty = static_cast<float>(m_options.repetitionPenalty);
        for (std::size_t i = 0; i < m_scores.size() && i < m_seen.size(); ++i)
            if (m_seen[i]) m_scores[i] = m_scores[i] > 0 ? m_scores[i] / penalty : m_scores[i] * penalty;
    }
    SampledToken token;
    token.id = draw(uniform);
    describe(logits, token);
    return token;
}

TokenId Sampler::draw(double uniform) {
    if (m_options.temperature <= 0) {
        best(m_scores, 1, m_order);
        return m_order.empty() ? 0 : m_order.front().id;
    }
    const bool all = m_options.topK <= 0 || m_options.topK >= static_cast<std::int64_t>(m_scores.size());
    m_order.clear();
    for (std::size_t i = 0; i < m_scores.size(); ++i)
        if (std::isfinite(m_scores[i]))
            m_order.push_back({static_cast<TokenId>(i), m_scores[i] / m_options.temperature});
    if (m_order.empty()) return 0;
    if (!all) {
        const auto keep = std::min(m_order.size(), static_cast<std::size_t>(m_options.topK));
        std::nth_element(m_order.begin(), m_order.begin() + static_cast<std::ptrdiff_t>(keep) - 1,
                         m_order.end(), higher);
        m_order.resize(keep);
    }
    std::sort(m_order.begin(), m_order.end(), higher);
    double sum = 0;
    const double top = m_order.front().logprob;
    for (auto& candidate : m_order)
        sum += candidate.logprob = std::exp(candidate.logprob - top);
    if (m_options.topP < 1.0) {
        double kept = 0;
        std::size_t count = 0;
        while (count < m_order.size() && kept < m_options.topP * sum)
            kept += m_order[count++].logprob;
        m_order.resize(std::max<std::size_t>(1, count));
        sum = std::max(kept, m_order.front().logprob);
    }
    double left = uniform * sum;
    for (const auto& candidate : m_order)
        if ((left -= candidate.logprob) < 0) return candidate.id;
    return m_order.back().id;
}

void Sampler::describe(std::span<const float> logits, SampledToken& token) const {
    const auto count = static_cast<std::int64_t>(logits.size());
    const kernels::LogitSums sums = kernels::logitSums(logits.data(), count);
    const double top = sums.top, logSum = std::log(sums.sum);
    token.logprob = static_cast<double>(logits[static_cast<std::size_t>(token.id)]) - top - logSum;
    token.entropy = std::max(0.0, logSum - sums.weighted / sums.sum);
    token.rank = 1 + kernels::logitsAhead(logits.data(), count, token.id);
    best(logits, static_cast<std::size_t>(std::max<std::int64_t>(0, m_options.alternatives)),
         token.alternatives);
    for (auto& alternative : token.alternatives)
        alternative.logprob -= top + logSum;
}

}  // namespace caravan::engine::generate
