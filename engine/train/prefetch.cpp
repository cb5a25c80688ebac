// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/prefetch.h"

namespace caravan::engine::train {

namespace {
constexpr std::size_t kAhead = 2;
}

Prefetch::Prefetch(BatchSource& source, StepIndex first, StepIndex last, std::int64_t microBatchTokens)
    : m_thread([this, &source, first, last, microBatchTokens](std::stop_token stop) {
          work(stop, source, first, last, microBatchTokens);
      }) {}

Prefetch::~Prefetch() {
    m_thread.request_stop();
    m_thread.join();
}

void Prefetch::work(std::stop_token stop, BatchSource& source, StepIndex first, StepIndex last,
                    std::int64_t microBatchTokens) {
    try {
        for (StepIndex step = first; step <= last && !stop.stop_requested(); ++step) {
            std::vector<TokenBatch> batches;
            for (const MicroBatch& batch : source.microBatches(step, microBatchTokens))
                batches.push_back(makeTokenBatch(batch));
            std::unique_lock lock(m_mutex);
            if (!m_changed.wait(lock, stop, [this] { return m_ready.size() < kAhead; })) return;
            m_ready.push_back(std::move(batches));
            m_changed.notify_all();
        }
    } catch (...) {
        const std::lock_guard lock(m_mutex);
        m_error = std::current_exception();
        m_changed.notify_all();
    }
}

std::vector<TokenBatch> Prefetch::next() {
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [this] { return !m_ready.empty() || m_error; });
    if (m_ready.empty()) std::rethrow_exception(m_error);
    std::vector<TokenBatch> batches = std::move(m_ready.front());
    m_ready.pop_front();
    m_changed.notify_all();
    return batches;
}

}  // namespace caravan::engine::train
