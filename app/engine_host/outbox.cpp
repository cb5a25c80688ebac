// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/engine_host/outbox.h"

#include <sys/socket.h>

#include <cerrno>

namespace caravan::host {

bool Outbox::push(FrameBytes frame, Kind kind, std::string key) {
    if (kind == Kind::Latest) {
        // The first item may be half sent: it stays.
        for (std::size_t i = m_sent > 0 ? 1 : 0; i < m_items.size(); ++i) {
            if (m_items[i].kind != Kind::Latest || m_items[i].key != key) continue;
            m_bytes = m_bytes - m_items[i].frame->size() + frame->size();
            m_items[i].frame = std::move(frame);
            return true;
        }
    }
    m_bytes += frame->size();
    m_items.push_back({std::move(frame), kind, std::move(key)});
    if (kind == Kind::Metric && m_bytes > kMetricLimit) dropOldestMetrics();
    return m_bytes <= kReliableLimit;
}

void Outbox::dropOldestMetrics() {
    std::deque<Item> kept;
    for (std::size_t i = 0; i < m_items.size(); ++i) {
        Item& item = m_items[i];
        const bool halfSent = i == 0 && m_sent > 0;
        if (item.kind == Kind::Metric && !halfSent && m_bytes > kMetricLimit / 2) {
            m_bytes -= item.frame->size();
            ++m_dropped;
        } else {
            kept.push_back(std::move(item));
        }
    }
    m_items.swap(kept);
}

Outbox::Flushed Outbox::flush(int socket) {
    while (!m_items.empty()) {
        const auto& frame = *m_items.front().frame;
        const ssize_t n =
            send(socket, frame.data() + m_sent, frame.size() - m_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Flushed::Blocked : Flushed::Gone;
        m_sent += static_cast<std::size_t>(n);
        if (m_sent < frame.size()) continue;
        m_bytes -= frame.size();
        m_sent = 0;
        m_items.pop_front();
    }
    return Flushed::All;
}

}  // namespace caravan::host
