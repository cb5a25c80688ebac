// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/api/answer_batch.h"
#include "engine/generate/sampler.h"
#include "engine/model/model.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine::generate {

class BatchDecoder;

// One answer of a batch, as ids.
struct BatchSequence {
    std::vector<TokenId> prompt;
    GenerateOptions options;
};

struct BatchLimits {
    std::int64_t places = kMostTogether;  // sequences at once, at most kMostTogether
    std::optional<Bytes> memory;          // what the caches may take; unknown: as much as they want
    bool oneByOne = false;  // for comparing: one after the other, by the graph of one sequence on a GPU
};

// Writes answers together: every step reads the weights once and gives each sequence its next token. A
// sequence has its own cache, sampler and end; its tokens, log-probabilities and routes are, bit for bit,
// those of a Generator that writes it alone, in whatever company and order (on the CPU passes of few rows see
// to it: ops/few_rows.h; on a GPU the kernels of BatchDecoder). Sequences with the same prompt share its
// reading. Who ends leaves, and the next one takes the place. What the graphs of a GPU do not know (the base
// alone, more alternatives or experts than they have room for) is written one after the other there. Not
// thread-safe. Throws EngineException.
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
    enum class Way { OneByOne, Steps, Graphs };
    [[nodiscard]] Way wayOf(std::span<const BatchSequence> sequences, const BatchLimits& limits,
                            bool dense) const;
    // Sequences that fit at once, or MemoryShort.
    [[nodiscard]] std::int64_t places(std::span<const BatchSequence> sequences, const BatchLimits& limits,
                                      bool together) const;
    [[nodiscard]] std::int64_t positions(const BatchSequence& sequence) const;
    void oneByOne(Batch& batch);
    void together(Batch& batch, std::int64_t places, bool graphs);
    void admit(Batch& batch, std::int64_t places);
    void admitOne(Batch& batch);
    void step(Batch& batch);
    // Until one of the active ones has ended.
    void advance(Batch& batch, BatchDecoder& decoder);
    void leave(Batch& batch);
    void tell(Batch& batch, Active& active, const SampledToken& sampled, std::int64_t row);
    void tell(Batch& batch, Active& active, const SampledToken& sampled,
              const std::function<void(TokenEvent&)>& describe);

    model::Model& m_model;
    const Tokenizer& m_tokenizer;
};

}  // namespace caravan::engine::generate
