// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QObject>
#include <QTimer>
#include <mutex>

#include "ui/bridge/engine_link.h"

namespace caravan::ui {

// Run events and chat tokens between the socket's thread and the GUI: any thread puts, the GUI thread drains
// at 30 Hz and gets batches in order. The timer rests while nothing comes.
class MetricsMailbox : public QObject {
    Q_OBJECT
  public:
    explicit MetricsMailbox(QObject* parent = nullptr);
    void put(RunEventItem item);                               // any thread
    void putToken(quint64 request, engine::TokenEvent token);  // any thread
    void drain();  // GUI thread; also before a result is delivered
    [[nodiscard]] static constexpr int intervalMs() { return 33; }

  Q_SIGNALS:
    void runEvents(const caravan::ui::RunEventBatch& batch);
    void tokens(quint64 request, const QVector<caravan::engine::TokenEvent>& batch);

  private:
    void wake();
    std::mutex m_mutex;
    RunEventBatch m_events;
    QVector<quint64> m_order;  // requests in order of their first token
    QHash<quint64, QVector<engine::TokenEvent>> m_tokens;
    bool m_woken = false;
    QTimer m_timer;
};

}  // namespace caravan::ui
