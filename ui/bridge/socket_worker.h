// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLocalSocket>
#include <QObject>
#include <memory>

#include "engine/api/wire.h"
#include "ui/bridge/metrics_mailbox.h"

namespace caravan::ui {

using JsonResult = std::shared_ptr<engine::Result<nlohmann::json>>;

// The socket and the decoding of frames, on a thread of its own. Slots are called through queued connections.
class SocketWorker : public QObject {
    Q_OBJECT
  public:
    explicit SocketWorker(MetricsMailbox* mailbox) : m_mailbox(mailbox) {}
    void open(const QString& path);
    void close();
    void finish();  // sends what is still to be sent, then closes; may block 200 ms, on the worker's thread
    void send(const QByteArray& frame);

  Q_SIGNALS:
    void connected();
    void failed();        // could not connect
    void disconnected();  // was connected
    void heard();         // any frame; at most a few a second
    void result(quint64 id, const caravan::ui::JsonResult& result);
    void progress(quint64 id, const caravan::engine::Progress& progress);
    void device(const caravan::engine::DeviceStatus& device);
    void log(const QString& level, const QString& text);

  private:
    void read();
    void take(engine::wire::Frame frame);
    MetricsMailbox* m_mailbox;
    std::unique_ptr<QLocalSocket> m_socket;
    engine::wire::Decoder m_decoder;
    bool m_wasConnected = false;
    qint64 m_heardAt = 0;
};

}  // namespace caravan::ui

Q_DECLARE_METATYPE(caravan::ui::JsonResult)
Q_DECLARE_METATYPE(caravan::engine::Progress)
Q_DECLARE_METATYPE(caravan::engine::DeviceStatus)
