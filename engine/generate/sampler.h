// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/api/engine.h"
#include "engine/api/ids.h"

namespace caravan::engine::generate {

struct SamplerOptions {
    double temperature = 0;  // 0 = greedy (ties: lowest id)
    double topP = 1;
    std::int64_t topK = 0;         // 0 = off
    double repetitionPenalty = 1;  // over the ids of prompt and answer
    std::int64_t alternatives = 0;
};
struct Candidate {
    TokenId id = 0;
    double logprob = 0;
};
// log-probabilities, entropy and rank are of the unmodified softmax; alternatives are its most probable
// tokens.
struct SampledToken {
    TokenId id = 0;
    double logprob = 0, entropy = 0;
    std::int64_t rank = 1;
    std::vector<Candidate> alternatives;
};

[[nodiscard]] SamplerOptions samplerOptions(const GenerateOptions& options);
// In [0, 1): decides the draw of an answer's token, a pure function of seed and index.
[[nodiscard]] double uniformFor(std::uint64_t seed, std::int64_t index);

// Chooses a token from logits: repetition penalty (a logit above 0 is divided, one below multiplied),
// temperature, top-k, top-p (the smallest set of the most probable whose sum reaches it), then the draw.
// Keeps its buffers between calls.
class Sampler {
  public:
    Sampler(const SamplerOptions& options, std::size_t vocabulary);
    // Ids that the repetition penalty counts.
    void saw(std::span<const TokenId> ids);
    // uniform in [0, 1): decides the draw; not used when greedy. Logits that are not finite are never chosen.
    [[nodiscard]] SampledToken sample(std::span<const float> logits, double uniform);

  private:
    [[nodiscard]] TokenId draw(double uniform);
    void describe(std::span<const float> logits, SampledToken& token) const;

    SamplerOptions m_options;
    std::vector<bool> m_seen;
    std::vector<float> m_scores;     // after the penalty
    std::vector<Candidate> m_order;  // candidates by falling score
};

}  // namespace caravan::engine::generate
