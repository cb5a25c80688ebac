// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/api/answer_batch.h"
#include "engine/generate/sampler.h"
#include "engine/model/model.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine::generate {

// One answer of a batch, as ids.
struct BatchSequence {
    std::vector<TokenId> prompt;
    GenerateOptions options;
};

struct BatchLimits {
    std::int64_t places = kMostTogether;  // sequences at once, at most kMostTogether
    std::optional<Bytes> memory;          // what the caches may take; unknown: as much as they want
    // On a GPU in steps too, instead of one after the other by the graph of a token. Off until a GPU has
    // shown it to say the same: engine_decode_gpu, BatchOnGpu.
    bool togetherOnGpu = false;
};

// Writes answers together: every step reads the weights once and gives each sequence its next token. A
// sequence has its own cache, sampler and end; its tokens, log-probabilities and routes are, bit for bit,
// those of a Generator that writes it alone, in whatever company and order (the CPU's passes of few rows see
// to it: ops/few_rows.h). Sequences with the same prompt share its reading. Who ends leaves, and the next one
// takes the place. On a GPU the answers are written one after the other, so far. Not thread-safe. Throws
// EngineException.
class BatchGenerator {
  public:
    // Both must outlive the generator.
    BatchGenerator(model::Model& model, const Tokenizer& tokenizer);
    ~BatchGenerator();
    // dense: the base alone, without experts and LoRA. The token callback is called from this thread.
    BatchOutcome run(std::span<const BatchSequence> sequences, const AnswerTokenFunction& token,
                     const ProgressFunction& progress, const std::stop_token& stop,
                     const BatchLimits& limits = {}, bool dense = false);

  private:
    struct Active;
    struct Prompt;
    struct Batch;
    void check(std::span<const BatchSequence> sequences) const;
    // Sequences that fit at once, or MemoryShort.
    [[nodiscard]] bool goTogether(const BatchLimits& limits) const;
    [[nodiscard]] std::int64_t places(std::span<const BatchSequence> sequences,
                                      const BatchLimits& limits) const;
    [[nodiscard]] std::int64_t positions(const BatchSequence& sequence) const;
    void oneByOne(Batch& batch);
    void together(Batch& batch, std::int64_t places);
    void admit(Batch& batch);
    void step(Batch& batch);
    void tell(Batch& batch, Active& active, const SampledToken& sampled, std::int64_t row);

    model::Model& m_model;
    const Tokenizer& m_tokenizer;
};

}  // namespace caravan::engine::generate
