// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/bridge/engine_link.h"

namespace caravan::ui {

EngineLink::EngineLink(QObject* parent) : QObject(parent) {
    qRegisterMetaType<RunEventBatch>();
    qRegisterMetaType<EngineState>();
}

EngineLink::~EngineLink() = default;

quint64 EngineLink::request(const std::string& type, Json body, QObject* context, ResultHandler onResult,
                            ProgressHandler onProgress, TokenHandler onToken) {
    const quint64 id = m_nextId++;
    m_pending.emplace(id,
                      Pending{type, context, std::move(onResult), std::move(onProgress), std::move(onToken)});
    send(id, type, std::move(body));
    return id;
}

void EngineLink::cancel(quint64 id) {
    if (m_pending.count(id)) send(m_nextId++, "cancel", Json{{"id", id}});
}

void EngineLink::deliverResult(quint64 id, const engine::Result<Json>& result) {
    const auto found = m_pending.find(id);
    if (found == m_pending.end()) return;
    const Pending pending = std::move(found->second);
    m_pending.erase(found);
    if (pending.context && pending.onResult) pending.onResult(result);
}

void EngineLink::deliverProgress(quint64 id, const engine::Progress& progress) {
    const auto found = m_pending.find(id);
    if (found == m_pending.end() || !found->second.context || !found->second.onProgress) return;
    const auto handler = found->second.onProgress;
    handler(progress);
}

void EngineLink::deliverTokens(quint64 id, const QVector<engine::TokenEvent>& tokens) {
    const auto found = m_pending.find(id);
    if (found == m_pending.end() || !found->second.context || !found->second.onToken) return;
    const auto handler = found->second.onToken;
    handler(tokens);
}

void EngineLink::failAll(const engine::Error& error) {
    auto pending = std::move(m_pending);
    m_pending.clear();
    for (auto& [id, request] : pending)
        if (request.context && request.onResult) request.onResult(tl::unexpected<engine::Error>(error));
}

void EngineLink::setState(EngineState state) {
    if (m_state == state) return;
    m_state = state;
    Q_EMIT stateChanged(state);
}

void EngineLink::setDevice(const engine::DeviceStatus& device) {
    m_device = device;
    m_hasDevice = true;
    Q_EMIT deviceChanged();
}

QString EngineLink::stateWords() const {
    switch (m_state) {
        case EngineState::Starting:
            return tr("Engine starting");
        case EngineState::Ready:
            return tr("Engine ready");
        case EngineState::Busy:
            return tr("Engine running");
        case EngineState::NotResponding:
            return tr("Engine not responding");
        case EngineState::Restarting:
            return tr("Engine restarting");
        case EngineState::Stopped:
            return tr("Engine stopped");
    }
    return {};
}

}  // namespace caravan::ui
