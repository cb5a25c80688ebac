// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/step_graphs.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "engine/model/workspace.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/live_step.h"
#include "engine/ops/timeline.h"

namespace caravan::engine::train {
namespace {

constexpr int kMostReleases = 3;
constexpr std::size_t kMostRecorded = 64;  // graphs of a 7B model take some MB each

at::Device deviceOf(model::Model& model) {
    return model.embedding().device();  // with its index
}
void waitFor(model::Model& model) {
    ops::cudaTable().synchronize(deviceOf(model).index());
}

}  // namespace

StepGraphs::StepGraphs(model::Model& model, bool record) : m_model(model), m_record(record) {}

StepGraphs::~StepGraphs() {
    if (m_pool) waitFor(m_model);
}

std::size_t StepGraphs::recorded() const {
    return static_cast<std::size_t>(std::count_if(
        m_entries.begin(), m_entries.end(), [](const auto& e) { return e.second.backward != nullptr; }));
}

void StepGraphs::release() {
    if (!m_pool) return;
    waitFor(m_model);
    m_hidden.reset();
    m_dHidden.reset();
    m_entries.clear();
    m_pool.reset();
    ops::cudaTable().emptyCache();
    if (++m_releases >= kMostReleases) m_record = false;
}

void StepGraphs::giveUp() {
    m_record = false;
    release();
}

void StepGraphs::run(const StepBucket& bucket, const TokenBatch& batch, const Pass& pass) {
    if (m_record && !m_pool) m_pool = std::make_unique<GraphPool>(deviceOf(m_model));
    Entry& entry = m_entries.try_emplace(bucket, bucket, deviceOf(m_model)).first->second;
    entry.batch.fill(batch, pass.words);
    const bool timed = ops::g_timelineOn;  // its marks belong to single operations
    if (entry.backward && !timed) {
        entry.forward->launch();
        between(entry, pass);
        entry.backward->launch();
    } else if (entry.visited && m_record && !timed && recorded() < kMostRecorded) {
        record(bucket, entry, pass);
    } else {
        // What lies unused beside the pool is out of its reach.
        if (m_record && !entry.visited) ops::cudaTable().emptyCache();
        runOperations(entry, pass);
        entry.visited = true;
    }
}

at::Tensor StepGraphs::forward(const Entry& entry, const Pass& pass, model::StepState& state) {
    const at::Tensor hidden = m_model.forwardForTuning(entry.batch.tokens(), pass.tuning, state);
    pass.count(state, entry.batch);
    return hidden;
}

// With graphs on, its tensors come from their memory, so that a step takes it once.
void StepGraphs::runOperations(Entry& entry, const Pass& pass) {
    const ops::LiveStep live(entry.batch.words());
    const auto run = [&](const std::function<void()>& f) { m_pool ? m_pool->run(f) : f(); };
    model::StepState state;
    at::Tensor hidden;
    run([&] { hidden = forward(entry, pass, state); });
    const at::Tensor dHidden = pass.loss(hidden);
    run([&] { m_model.backward(dHidden, entry.batch.tokens(), pass.tuning, state); });
}

// What graphs read and write outside their pool stays as long as they do, also where others let it go.
void StepGraphs::reserve(const StepBucket& bucket, Entry& entry) {
    if (!m_hidden.defined() || m_hidden.size(0) < bucket.tokens) {
        m_hidden = at::empty({bucket.tokens, m_model.embedding().size(1)},
                             m_model.embedding().options().dtype(m_model.compute()));
        m_dHidden = at::empty_like(m_hidden);
    }
    entry.hidden = m_hidden.narrow(0, 0, bucket.tokens);
    entry.dHidden = m_dHidden.narrow(0, 0, bucket.tokens);
    const ops::RopeTable& rope = m_model.ropeTable(bucket.longest);
    entry.kept = {rope.cos, rope.sin, m_model.workspace().matrix(0, 0, m_model.compute(), deviceOf(m_model))};
}

void StepGraphs::record(const StepBucket& bucket, Entry& entry, const Pass& pass) {
    const ops::LiveStep live(entry.batch.words());
    reserve(bucket, entry);
    model::StepState state;
    entry.forward =
        std::make_unique<Graph>(*m_pool, [&] { entry.hidden.copy_(forward(entry, pass, state)); });
    entry.forward->launch();
    between(entry, pass);
    entry.backward = std::make_unique<Graph>(
        *m_pool, [&] { m_model.backward(entry.dHidden, entry.batch.tokens(), pass.tuning, state); });
    entry.backward->launch();
}

void StepGraphs::between(Entry& entry, const Pass& pass) {
    entry.dHidden.copy_(pass.loss(entry.hidden));
}

}  // namespace caravan::engine::train
