// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "engine/model/model.h"
#include "engine/model/step_state.h"
#include "engine/train/capture.h"
#include "engine/train/padded_batch.h"

namespace caravan::engine::train {

// Forward and backward of short micro-batches on a GPU. Each is padded to its bucket. A bucket's first one
// runs operation by operation, which warms the libraries up; the second is recorded as two graphs (forward,
// backward), which serve from then on. All of it gives the same bits. The head and the loss lie between the
// graphs, operation by operation: their answer rows need no padding.
class StepGraphs {
  public:
    struct Pass {
        const model::Tuning& tuning;
        kernels::StepWords words;
        std::function<void(const model::StepState&, const PaddedBatch&)> count;  // after the forward
        std::function<at::Tensor(const at::Tensor& hidden)> loss;                // -> dL/dhidden
    };
    // record: false pads and launches operation by operation.
    StepGraphs(model::Model& model, bool record);
    ~StepGraphs();

    // Adds to the model's gradients.
    void run(const StepBucket& bucket, const TokenBatch& batch, const Pass& pass);
    // Graphs and their memory go; they come again with the next micro-batches, but not for ever.
    void release();
    // No graph from now on.
    void giveUp();
    [[nodiscard]] bool recording() const { return m_record; }
    [[nodiscard]] std::size_t recorded() const;  // buckets that have their graphs

  private:
    struct Entry {
        explicit Entry(const StepBucket& bucket, at::Device device) : batch(bucket, device) {}
        PaddedBatch batch;
        bool visited = false;
        std::unique_ptr<Graph> forward, backward;
        at::Tensor hidden, dHidden;    // of the buffers below
        std::vector<at::Tensor> kept;  // what the graphs read beside pool and parameters
    };
    void runOperations(Entry& entry, const Pass& pass);
    void record(const StepBucket& bucket, Entry& entry, const Pass& pass);
    void between(Entry& entry, const Pass& pass);
    void reserve(const StepBucket& bucket, Entry& entry);
    [[nodiscard]] at::Tensor forward(const Entry& entry, const Pass& pass, model::StepState& state);

    model::Model& m_model;
    bool m_record;
    int m_releases = 0;
    std::unique_ptr<GraphPool> m_pool;  // from the first micro-batch on
    at::Tensor m_hidden, m_dHidden;     // [T, D] of the largest bucket so far, between the graphs
    std::map<StepBucket, Entry> m_entries;
};

}  // namespace caravan::engine::train
