// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/bridge/socket_worker.h"

#include <QDateTime>

#include "engine/api/event_json.h"

namespace caravan::ui {

void SocketWorker::open(const QString& path) {
    close();
    m_decoder = engine::wire::Decoder();
    m_wasConnected = false;
    m_socket = std::make_unique<QLocalSocket>();
    connect(m_socket.get(), &QLocalSocket::connected, this, [this] {
        m_wasConnected = true;
        Q_EMIT connected();
    });
    connect(m_socket.get(), &QLocalSocket::readyRead, this, &SocketWorker::read);
    connect(m_socket.get(), &QLocalSocket::disconnected, this, [this] { Q_EMIT disconnected(); });
    connect(m_socket.get(), &QLocalSocket::errorOccurred, this, [this] {
        if (!m_wasConnected) Q_EMIT failed();
    });
    m_socket->connectToServer(path);
}

void SocketWorker::close() {
    if (!m_socket) return;
    m_socket->disconnect(this);
    m_socket->abort();
    m_socket.release()->deleteLater();  // may be called from one of its signals
}

void SocketWorker::finish() {
    if (m_socket && m_socket->state() == QLocalSocket::ConnectedState && m_socket->bytesToWrite() > 0) {
        m_socket->flush();
        m_socket->waitForBytesWritten(200);
    }
    close();
}

void SocketWorker::send(const QByteArray& frame) {
    if (m_socket && m_socket->state() == QLocalSocket::ConnectedState) m_socket->write(frame);
}

void SocketWorker::read() {
    const QByteArray bytes = m_socket->readAll();
    m_decoder.feed(
        {reinterpret_cast<const std::uint8_t*>(bytes.constData()), static_cast<std::size_t>(bytes.size())});
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    if (now - m_heardAt > 250) {
        m_heardAt = now;
        Q_EMIT heard();
    }
    while (true) {
        engine::wire::Frame frame;
        const auto taken = m_decoder.take(frame);
        if (!taken) {
            Q_EMIT log(QStringLiteral("error"), QStringLiteral("unreadable frame from the engine"));
            m_socket->abort();
            return;
        }
        if (!*taken) return;
        try {
            take(std::move(frame));
        } catch (const std::exception& exception) {
            Q_EMIT log(QStringLiteral("error"),
                       QString::fromStdString("frame from the engine: " + std::string(exception.what())));
        }
    }
}

void SocketWorker::take(engine::wire::Frame frame) {
    if (frame.type == "result") {
        Q_EMIT result(frame.id, std::make_shared<engine::Result<nlohmann::json>>(std::move(frame.body)));
    } else if (frame.type == "error") {
        Q_EMIT result(frame.id, std::make_shared<engine::Result<nlohmann::json>>(
                                    tl::unexpected(engine::errorFromJson(frame.body))));
    } else if (frame.type == "progress") {
        engine::Progress value;
        value.stage = frame.body.value("stage", "");
        value.done = frame.body.value("done", std::int64_t(0));
        value.total = frame.body.value("total", std::int64_t(0));
        Q_EMIT progress(frame.id, value);
    } else if (frame.type == "token") {
        m_mailbox->putToken(frame.id, frame.body.get<engine::TokenEvent>());
    } else if (frame.type == "run") {
        auto event = engine::runEventFromJson(frame.body.at("event"));
        if (event)
            m_mailbox->put(
                {QString::fromStdString(frame.body.at("run").get<std::string>()), std::move(*event)});
    } else if (frame.type == "device") {
        Q_EMIT device(frame.body.get<engine::DeviceStatus>());
    } else if (frame.type == "log") {
        Q_EMIT log(QString::fromStdString(frame.body.value("level", "info")),
                   QString::fromStdString(frame.body.value("text", "")));
    }
}

}  // namespace caravan::ui
