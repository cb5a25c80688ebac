// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/data/data_set.h"

namespace caravan::engine {

enum class TokenRole : std::uint8_t { Prompt = 0, Answer = 1, Padding = 2 };

// Rows laid behind each other. T tokens, S segments (one per row); attention starts anew at each segment.
struct MicroBatch {
    std::vector<TokenId> ids;     // [T]
    std::vector<TokenId> labels;  // [T] NOT shifted: labels[t] is ids[t] where trained, else -100. The loss
                                  // pairs the logits of t with labels[t + 1] of the same segment.
    std::vector<std::int32_t> positions;  // [T] from 0 in each segment
    std::vector<std::uint8_t> roles;      // [T] TokenRole; trained tokens are Answer
    std::vector<std::int32_t> offsets;    // [S + 1] segment s = tokens offsets[s] .. offsets[s + 1] - 1
    std::vector<std::int32_t> domains;    // [S] index into DataSet::domains() (held-out: of the held-out set)
    std::vector<std::int64_t> rows;       // [S] index into the RowStore
    std::int64_t tokens = 0;              // without padding
    std::int64_t answerTokens = 0;        // trained tokens
    [[nodiscard]] std::size_t segments() const { return domains.size(); }
    friend bool operator==(const MicroBatch&, const MicroBatch&) = default;
};

// Lays rows into micro-batches of at most maxTokens tokens (a longer row gets one of its own), padding
// included: the longest first, each into the first micro-batch with room. Padded: every segment of a
// micro-batch is as long as its longest (padId, label -100, role Padding behind the row). Pure; the order of
// rows decides ties.
[[nodiscard]] std::vector<MicroBatch> packMicroBatches(const RowStore& store,
                                                       std::span<const std::int32_t> rows,
                                                       std::int64_t maxTokens, Packing packing,
                                                       TokenId padId = 0);

// Which rows a step trains on: a pure function of (recipe, seed, step), so that a resumed run needs no state.
// Keeps the orders of recent epochs: one thread at a time. The data set must outlive it.
class BatchSource {
  public:
    BatchSource(const DataSet& data, const Recipe& recipe, std::int64_t sequenceLength);

    // Steps of the whole run: tune.steps, or those of tune.epochs.
    [[nodiscard]] std::int64_t steps() const { return m_steps; }
    // Row indices (DataSet::rows()) of step t >= 1, in drawing order. Steps past steps() go on with further
    // epochs.
    [[nodiscard]] std::vector<std::int32_t> rows(std::int64_t step);
    [[nodiscard]] std::vector<MicroBatch> microBatches(std::int64_t step, std::int64_t maxTokens,
                                                       TokenId padId = 0);
    // Epoch (from 0) that step t belongs to.
    [[nodiscard]] std::int64_t epoch(std::int64_t step);

  private:
    struct Epoch {
        std::vector<std::int32_t> order;   // rows in drawing order
        std::vector<std::int64_t> starts;  // of each step in order; last entry = order.size()
        [[nodiscard]] std::int64_t steps() const { return static_cast<std::int64_t>(starts.size()) - 1; }
    };
    struct Place {
        std::int64_t epoch = 0, index = 0;
    };
    [[nodiscard]] Epoch makeEpoch(std::int64_t index, std::int64_t rowLimit) const;
    [[nodiscard]] const Epoch& epochAt(std::int64_t index);
    [[nodiscard]] std::int64_t stepsOf(std::int64_t epoch);
    [[nodiscard]] Place find(std::int64_t step);
    void planSteps(const Recipe& recipe);

    const DataSet* m_data;
    std::uint64_t m_seed;
    std::int64_t m_batchRows, m_batchSequences, m_sequenceLength;  // m_batchSequences 0: batches of rows
    Packing m_packing;
    std::int64_t m_steps = 0;
    std::int64_t m_lastEpoch = -1;  // the epoch that is cut short (a fraction of tune.epochs), or -1
    std::int64_t m_lastEpochRows = 0;
    std::map<std::int64_t, Epoch> m_epochs;             // the two used last
    std::map<std::int64_t, std::int64_t> m_epochSteps;  // batches of sequences: steps differ by epoch
};

}  // namespace caravan::engine
