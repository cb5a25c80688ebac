// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/store.h"

#include <chrono>
#include <exception>

namespace caravan::projects {
namespace {

using engine::EngineException;
using engine::Error;
using engine::ErrorCode;

constexpr auto kBatchDelay = std::chrono::milliseconds(250);

Error errorOf(const std::exception_ptr& exception) {
    try {
        std::rethrow_exception(exception);
    } catch (const EngineException& e) {
        return e.error();
    } catch (const std::exception& e) {
        return Error{ErrorCode::Internal, {{"detail", e.what()}}};
    }
}

}  // namespace

Store::Store(std::unique_ptr<Connection> connection)
    : m_connection(std::move(connection)), m_thread([this] { loop(); }) {}

Store::~Store() {
    {
        const std::lock_guard lock(m_mutex);
        m_stopping = true;
    }
    m_wake.notify_all();
    m_thread.join();
}

void Store::post(Job job, Urgency urgency) {
    {
        const std::lock_guard lock(m_mutex);
        m_queue.push_back({std::move(job), urgency, ++m_posted, nullptr});
        m_urgent = m_urgent || urgency == Urgency::Now;
    }
    m_wake.notify_all();
}

engine::Result<void> Store::execute(Job job) {
    std::optional<Error> outcome;
    std::unique_lock lock(m_mutex);
    const std::uint64_t number = ++m_posted;
    m_queue.push_back({std::move(job), Urgency::Now, number, &outcome});
    m_urgent = true;
    m_wake.notify_all();
    m_written.wait(lock, [&] { return m_done >= number; });
    if (outcome) return tl::unexpected(std::move(*outcome));
    return {};
}

engine::Result<void> Store::flush() {
    std::unique_lock lock(m_mutex);
    const std::uint64_t number = m_posted;
    if (m_done < number) {
        m_urgent = true;
        m_wake.notify_all();
        m_written.wait(lock, [&] { return m_done >= number; });
    }
    if (!m_error) return {};
    Error error = std::move(*m_error);
    m_error.reset();
    return tl::unexpected(std::move(error));
}

void Store::loop() {
    std::unique_lock lock(m_mutex);
    while (true) {
        m_wake.wait(lock, [&] { return m_stopping || !m_queue.empty(); });
        if (m_queue.empty()) return;
        // Gathers a batch; an urgent job ends the wait.
        m_wake.wait_for(lock, kBatchDelay, [&] { return m_stopping || m_urgent; });
        std::deque<Item> items;
        items.swap(m_queue);
        m_urgent = false;
        lock.unlock();
        write(items);
        lock.lock();
        m_done = items.back().number;
        m_written.notify_all();
    }
}

// One transaction for all; if a job fails, each gets its own so that one bad row does not take its neighbours
// along.
void Store::write(std::deque<Item>& items) {
    bool urgent = false;
    for (const Item& item : items)
        urgent = urgent || item.urgency == Urgency::Now;
    try {
        m_connection->execute(urgent ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
        Transaction transaction(*m_connection);
        for (Item& item : items)
            item.job(*m_connection);
        transaction.commit();
    } catch (...) {
        for (Item& item : items)
            writeAlone(item);
    }
}

void Store::writeAlone(Item& item) {
    try {
        Transaction transaction(*m_connection);
        item.job(*m_connection);
        transaction.commit();
    } catch (...) {
        report(item, errorOf(std::current_exception()));
    }
}

void Store::report(Item& item, const Error& error) {
    const std::lock_guard lock(m_mutex);
    if (item.outcome)
        *item.outcome = error;
    else if (!m_error)
        m_error = error;
}

}  // namespace caravan::projects
