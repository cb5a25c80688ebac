// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "projects/sqlite.h"

namespace caravan::projects {

// The one thread of this process that writes a project's database. Jobs run in order; many share a
// transaction.
class Store {
  public:
    using Job = std::function<void(Connection&)>;
    enum class Urgency {
        Batched,  // on disk within a quarter of a second; the last second may be lost at power loss
        Now,      // at once and synced: run states, chats
    };

    explicit Store(std::unique_ptr<Connection> connection);
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    ~Store();  // writes what is left

    void post(Job job, Urgency urgency = Urgency::Batched);  // any thread, does not block
    [[nodiscard]] engine::Result<void> execute(
        Job job);  // any thread but the writer; blocks until it is on disk
    // Blocks until everything posted before is on disk; the first error of a posted job since the last flush.
    [[nodiscard]] engine::Result<void> flush();

  private:
    struct Item {
        Job job;
        Urgency urgency = Urgency::Batched;
        std::uint64_t number = 0;
        std::optional<engine::Error>* outcome = nullptr;  // of execute()
    };
    void loop();
    void write(std::deque<Item>& items);
    void writeAlone(Item& item);
    void report(Item& item, const engine::Error& error);

    std::unique_ptr<Connection> m_connection;
    std::mutex m_mutex;
    std::condition_variable m_wake, m_written;
    std::deque<Item> m_queue;
    std::uint64_t m_posted = 0, m_done = 0;
    bool m_urgent = false, m_stopping = false;
    std::optional<engine::Error> m_error;
    std::thread m_thread;
};

}  // namespace caravan::projects
