// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace caravan::host {

using FrameBytes =
    std::shared_ptr<const std::vector<std::uint8_t>>;  // one encoded frame, shared by all receivers

// Frames on their way to one client. A slow client costs others nothing: what it cannot keep up with is
// dropped by kind, and when even that does not help it is disconnected. Not thread-safe.
class Outbox {
  public:
    enum class Kind {
        Reliable,  // results, states, tokens: never dropped
        Metric,    // dropped, oldest first, beyond kMetricLimit (the run folder has them)
        Latest     // replaces an unsent frame of the same key
    };
    static constexpr std::size_t kMetricLimit = 8u << 20;      // bytes queued
    static constexpr std::size_t kReliableLimit = 512u << 20;  // bytes queued: the client is given up

    // false: the client must be disconnected
    bool push(FrameBytes frame, Kind kind, std::string key = {});
    enum class Flushed { All, Blocked, Gone };
    Flushed flush(int socket);
    [[nodiscard]] bool empty() const { return m_items.empty(); }
    [[nodiscard]] std::size_t bytes() const { return m_bytes; }
    [[nodiscard]] std::uint64_t dropped() const { return m_dropped; }

  private:
    struct Item {
        FrameBytes frame;
        Kind kind = Kind::Reliable;
        std::string key;
    };
    void dropOldestMetrics();
    std::deque<Item> m_items;
    std::size_t m_sent = 0;  // bytes of the first item that are out
    std::size_t m_bytes = 0;
    std::uint64_t m_dropped = 0;
};

}  // namespace caravan::host
