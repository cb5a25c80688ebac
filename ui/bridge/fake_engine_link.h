// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <map>
#include <vector>

#include "ui/bridge/engine_link.h"

namespace caravan::ui {

// An engine without a process, for tests of pages: answers come from handlers, on the next turn of the event
// loop.
class FakeEngineLink : public EngineLink {
    Q_OBJECT
  public:
    using Answer = std::function<engine::Result<Json>(const Json& body)>;
    struct Asked {
        quint64 id;
        std::string type;
        Json body;
    };
    using EngineLink::EngineLink;

    void answer(const std::string& type, Answer handler) { m_answers[type] = std::move(handler); }
    void hold(const std::string& type) { m_answers.erase(type); }  // requests stay open until finish()
    void finish(quint64 id, const engine::Result<Json>& result) { deliverResult(id, result); }
    void tellProgress(quint64 id, const engine::Progress& progress) { deliverProgress(id, progress); }
    void tellTokens(quint64 id, const QVector<engine::TokenEvent>& tokens) { deliverTokens(id, tokens); }
    void tellRun(const QString& run, const engine::RunEvent& event) {
        Q_EMIT runEvents({RunEventItem{run, event}});
    }
    void tellDevice(const engine::DeviceStatus& device) { setDevice(device); }
    void become(EngineState state) { setState(state); }
    void die(const QString& reason) {
        setLastDeath(reason);
        setState(EngineState::Restarting);
        failAll({engine::ErrorCode::EngineGone, {{"detail", reason.toStdString()}}});
        Q_EMIT died(reason);
    }
    [[nodiscard]] const std::vector<Asked>& asked() const { return m_asked; }
    [[nodiscard]] int count(const std::string& type) const {
        int result = 0;
        for (const Asked& request : m_asked)
            result += request.type == type;
        return result;
    }
    [[nodiscard]] const Asked* last(const std::string& type) const {
        for (auto it = m_asked.rbegin(); it != m_asked.rend(); ++it)
            if (it->type == type) return &*it;
        return nullptr;
    }

    void start() override { setState(EngineState::Ready); }
    void restart() override { setState(EngineState::Ready); }
    void quitEngine() override { setState(EngineState::Stopped); }

  protected:
    void send(quint64 id, const std::string& type, Json body) override {
        m_asked.push_back({id, type, body});
        const auto found = m_answers.find(type);
        if (found == m_answers.end()) return;
        QTimer::singleShot(0, this,
                           [this, id, body, handler = found->second] { deliverResult(id, handler(body)); });
    }

  private:
    std::map<std::string, Answer> m_answers;
    std::vector<Asked> m_asked;
};

}  // namespace caravan::ui
