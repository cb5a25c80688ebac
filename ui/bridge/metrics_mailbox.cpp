// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/bridge/metrics_mailbox.h"

namespace caravan::ui {

MetricsMailbox::MetricsMailbox(QObject* parent) : QObject(parent) {
    m_timer.setInterval(intervalMs());
    m_timer.setSingleShot(true);
    connect(&m_timer, &QTimer::timeout, this, &MetricsMailbox::drain);
}

void MetricsMailbox::put(RunEventItem item) {
    const std::lock_guard lock(m_mutex);
    m_events.push_back(std::move(item));
    wake();
}

void MetricsMailbox::putToken(quint64 request, engine::TokenEvent token) {
    const std::lock_guard lock(m_mutex);
    if (!m_tokens.contains(request)) m_order.push_back(request);
    m_tokens[request].push_back(std::move(token));
    wake();
}

void MetricsMailbox::wake() {
    if (m_woken) return;
    m_woken = true;
    QMetaObject::invokeMethod(
        this,
        [this] {
            if (!m_timer.isActive()) m_timer.start();
        },
        Qt::QueuedConnection);
}

void MetricsMailbox::drain() {
    RunEventBatch events;
    QVector<quint64> order;
    QHash<quint64, QVector<engine::TokenEvent>> pieces;
    {
        const std::lock_guard lock(m_mutex);
        events.swap(m_events);
        order.swap(m_order);
        pieces.swap(m_tokens);
        m_woken = false;
    }
    if (!events.isEmpty()) Q_EMIT runEvents(events);
    for (const quint64 request : order)
        Q_EMIT tokens(request, pieces[request]);
}

}  // namespace caravan::ui
