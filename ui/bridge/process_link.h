// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QProcess>
#include <QThread>
#include <QTimer>

#include "ui/bridge/engine_link.h"

namespace caravan::ui {

class MetricsMailbox;
class SocketWorker;

struct ProcessLinkOptions {
    QString socket;   // "" = wire::socketPath()
    QString program;  // "" = CARAVAN_ENGINE, else caravan-engine beside this program; "-" = never start one
    QStringList arguments;
    int silenceMs = 5000;  // without a frame: not responding
    int startMs = 30000;   // from start to the first connection; ten times that while our child is alive
    int deathsInAMinute = 3;
};

// The real engine: finds the one that listens on the socket or starts `caravan-engine` from the program's
// folder in a session of its own, so that it outlives the window and Ctrl-C in a terminal does not reach it.
class ProcessLink : public EngineLink {
    Q_OBJECT
  public:
    using Options = ProcessLinkOptions;
    explicit ProcessLink(Options options = {}, QObject* parent = nullptr);
    ~ProcessLink() override;

    void start() override;
    void restart() override;
    void quitEngine() override;
    [[nodiscard]] QString logFile() const override;
    [[nodiscard]] qint64 enginePid() const {  // of an engine that this window started; 0 = of none
        return m_process ? m_process->processId() : 0;
    }

  protected:
    void send(quint64 id, const std::string& type, Json body) override;

  private:
    struct Waiting {
        quint64 id;
        std::string type;
        Json body;
    };
    void makeWorker();
    void connectSocket();
    void socketConnected();
    void socketFailed();
    void takeHello(const engine::Result<Json>& result);
    void lost();
    void countDeath(const QString& reason);
    void launch();
    void renewBusy();
    void write(quint64 id, const std::string& type, Json body);
    void takeResult(quint64 id, const engine::Result<Json>& result);
    [[nodiscard]] QString program() const;
    [[nodiscard]] QString deathReason() const;

    Options m_options;
    QThread m_thread;
    SocketWorker* m_worker = nullptr;
    MetricsMailbox* m_mailbox = nullptr;
    QPointer<QProcess> m_process;  // only of an engine that this window started
    QTimer m_retry, m_watch;
    QElapsedTimer m_heard, m_starting;
    QVector<qint64> m_deaths;
    std::vector<Waiting> m_waiting;
    std::unordered_map<quint64, std::string> m_long;  // requests that make the engine busy
    bool m_quitting = false, m_again = false;         // asked to end; and to come back then
    bool m_ready = false, m_connected = false, m_runLive = false, m_launched = false;
    bool m_dying = false, m_deathCounted = false;  // socket and child both tell of a death: it counts once
};

}  // namespace caravan::ui
