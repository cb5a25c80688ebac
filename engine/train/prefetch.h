// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/data/batch_source.h"
#include "engine/train/token_batch.h"

namespace caravan::engine::train {

// Lays the next steps' batches on a thread of its own, a few ahead. One consumer.
class Prefetch {
  public:
    // The source belongs to the thread until the destructor. Steps first .. last.
    Prefetch(BatchSource& source, StepIndex first, StepIndex last, std::int64_t microBatchTokens);
    ~Prefetch();
    Prefetch(const Prefetch&) = delete;
    Prefetch& operator=(const Prefetch&) = delete;

    // The batches of the next step, in order; blocks until they are there. Rethrows what the thread met.
    [[nodiscard]] std::vector<TokenBatch> next();

  private:
    void work(std::stop_token stop, BatchSource& source, StepIndex first, StepIndex last,
              std::int64_t microBatchTokens);

    std::mutex m_mutex;
    std::condition_variable_any m_changed;
    std::deque<std::vector<TokenBatch>> m_ready;
    std::exception_ptr m_error;
    std::jthread m_thread;  // last: ends before the rest goes
};

}  // namespace caravan::engine::train
