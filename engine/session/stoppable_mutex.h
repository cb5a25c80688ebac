// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace caravan::engine {

// A mutex for whole requests: waiting for it ends as soon as a stop is requested. BasicLockable, so
// std::unique_lock and std::lock_guard take it. (std::timed_mutex would have to be polled, and thread
// sanitizers do not know its clock.)
class StoppableMutex {
  public:
    void lock() {
        std::unique_lock guard(m_guard);
        m_freed.wait(guard, [this] { return !m_held; });
        m_held = true;
    }
    // False when the stop came before the lock.
    bool lock(const std::stop_token& stop) {
        std::unique_lock guard(m_guard);
        if (!m_freed.wait(guard, stop, [this] { return !m_held; })) return false;
        m_held = true;
        return true;
    }
    void unlock() {
        const std::lock_guard guard(m_guard);
        m_held = false;
        m_freed.notify_all();
    }

  private:
    std::mutex m_guard;
    std::condition_variable_any m_freed;
    bool m_held = false;
};

}  // namespace caravan::engine
