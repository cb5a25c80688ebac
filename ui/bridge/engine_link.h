// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMetaType>
#include <QObject>
#include <QPointer>
#include <QVector>
#include <functional>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "engine/api/engine.h"
#include "engine/api/event_json.h"
#include "engine/api/result.h"
#include "engine/api/run_events.h"

namespace caravan::ui {

enum class EngineState { Starting, Ready, Busy, NotResponding, Restarting, Stopped };

struct RunEventItem {
    QString run;  // absolute run folder
    engine::RunEvent event;
};
using RunEventBatch = QVector<RunEventItem>;

// The engine process as the window sees it. Everything is called and answered on the GUI thread; nothing
// blocks.
class EngineLink : public QObject {
    Q_OBJECT
  public:
    using Json = nlohmann::json;
    using ResultHandler = std::function<void(const engine::Result<Json>&)>;
    using ProgressHandler = std::function<void(const engine::Progress&)>;
    using TokenHandler =
        std::function<void(const QVector<engine::TokenEvent>&)>;  // batches, at most 30 a second

    explicit EngineLink(QObject* parent = nullptr);
    ~EngineLink() override;

    // Starts the engine (or finds the running one) and keeps it alive.
    virtual void start() = 0;
    // After "does not start": tries again by the user's wish.
    virtual void restart() = 0;
    // Ends the engine if nothing runs in it (used by --screenshot-dir and tests).
    virtual void quitEngine() = 0;

    // Requests of wire.h. The handlers are called only while `context` lives; onResult exactly once: a
    // request that is lost with the engine ends with ErrorCode::EngineGone. Requests made before the engine
    // is ready wait for it. Returns the id for cancel().
    quint64 request(const std::string& type, Json body, QObject* context, ResultHandler onResult,
                    ProgressHandler onProgress = {}, TokenHandler onToken = {});
    void cancel(quint64 id);
    // request() with the body read into T (any type that event_json.h lists).
    template <class T>
    quint64 requestAs(const std::string& type, Json body, QObject* context,
                      std::function<void(const engine::Result<T>&)> onResult,
                      ProgressHandler onProgress = {});

    [[nodiscard]] EngineState state() const { return m_state; }
    [[nodiscard]] QString stateWords() const;  // "Engine ready"
    [[nodiscard]] bool isUsable() const {
        return m_state == EngineState::Ready || m_state == EngineState::Busy;
    }
    [[nodiscard]] const engine::DeviceStatus& device() const { return m_device; }
    [[nodiscard]] bool hasDevice() const { return m_hasDevice; }
    [[nodiscard]] QString lastDeath() const { return m_lastDeath; }  // "signal 9", "exit code 70", or ""
    [[nodiscard]] virtual QString logFile() const { return {}; }

  Q_SIGNALS:
    void stateChanged(caravan::ui::EngineState state);
    void deviceChanged();
    void died(const QString& reason);                         // within a second; restart follows by itself
    void doesNotStart(const QString& reason);                 // three deaths in a minute
    void runEvents(const caravan::ui::RunEventBatch& batch);  // drained at 30 Hz, in order
    void logLine(const QString& level, const QString& text);

  protected:
    struct Pending {
        std::string type;
        QPointer<QObject> context;
        ResultHandler onResult;
        ProgressHandler onProgress;
        TokenHandler onToken;
    };
    virtual void send(quint64 id, const std::string& type, Json body) = 0;
    void deliverResult(quint64 id, const engine::Result<Json>& result);
    void deliverProgress(quint64 id, const engine::Progress& progress);
    void deliverTokens(quint64 id, const QVector<engine::TokenEvent>& tokens);
    void failAll(const engine::Error& error);
    void setState(EngineState state);
    void setDevice(const engine::DeviceStatus& device);
    void setLastDeath(const QString& reason) { m_lastDeath = reason; }

  private:
    std::unordered_map<quint64, Pending> m_pending;
    quint64 m_nextId = 1;
    EngineState m_state = EngineState::Stopped;
    engine::DeviceStatus m_device;
    bool m_hasDevice = false;
    QString m_lastDeath;
};

template <class T>
quint64 EngineLink::requestAs(const std::string& type, Json body, QObject* context,
                              std::function<void(const engine::Result<T>&)> onResult,
                              ProgressHandler onProgress) {
    return request(
        type, std::move(body), context,
        [onResult = std::move(onResult)](const engine::Result<Json>& result) {
            if (!result) return onResult(tl::unexpected<engine::Error>(result.error()));
            engine::Result<T> value;
            try {
                value = result->template get<T>();
            } catch (const std::exception& exception) {
                value = engine::fail(engine::ErrorCode::EngineGone, {{"detail", exception.what()}});
            }
            onResult(value);
        },
        std::move(onProgress));
}

}  // namespace caravan::ui

Q_DECLARE_METATYPE(caravan::ui::RunEventBatch)
Q_DECLARE_METATYPE(caravan::ui::EngineState)
