// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/bridge/process_link.h"

#include <unistd.h>

#include <QCoreApplication>
#include <QDateTime>
#include <QDir>
#include <QFileInfo>
#include <QSettings>
#include <QStandardPaths>
#include <set>
#include <utility>

#include "engine/api/wire.h"
#include "ui/bridge/metrics_mailbox.h"
#include "ui/bridge/socket_worker.h"

namespace caravan::ui {
namespace {

constexpr quint64 kHelloId = (quint64(1) << 53) - 1;
const std::set<std::string> kLong{"preview", "step_batch", "proof",   "dry_step",        "generate",
                                  "score",   "evaluate",   "routing", "routing.analyse", "export"};
// A program that is there but does not listen yet: its libraries may come from a slow or busy disk.
constexpr int kPatience = 10;
engine::Error gone(const QString& detail) {
    return {engine::ErrorCode::EngineGone, {{"detail", detail.toStdString()}}};
}

}  // namespace

ProcessLink::ProcessLink(Options options, QObject* parent)
    : EngineLink(parent), m_options(std::move(options)) {
    qRegisterMetaType<JsonResult>();
    qRegisterMetaType<engine::Progress>();
    qRegisterMetaType<engine::DeviceStatus>();
    if (m_options.socket.isEmpty()) m_options.socket = QString::fromStdString(engine::wire::socketPath());
    m_retry.setSingleShot(true);
    connect(&m_retry, &QTimer::timeout, this, &ProcessLink::connectSocket);
    m_watch.setInterval(std::min(1000, std::max(50, m_options.silenceMs / 4)));
    connect(&m_watch, &QTimer::timeout, this, [this] {
        if (m_ready && m_heard.elapsed() > m_options.silenceMs) setState(EngineState::NotResponding);
    });
    makeWorker();
}

ProcessLink::~ProcessLink() {
    if (m_process) {
        m_process->disconnect(this);
        m_process->setParent(nullptr);  // kept alive on purpose: the engine outlives the window
    }
    connect(&m_thread, &QThread::finished, m_worker, &QObject::deleteLater);
    QMetaObject::invokeMethod(
        m_worker,
        [worker = m_worker] {
            worker->finish();
            QThread::currentThread()->quit();  // after everything that was queued before
        },
        Qt::QueuedConnection);
    m_thread.wait();
}

void ProcessLink::makeWorker() {
    m_mailbox = new MetricsMailbox(this);
    m_worker = new SocketWorker(m_mailbox);
    m_worker->moveToThread(&m_thread);
    m_thread.setObjectName(QStringLiteral("engine socket"));
    connect(m_worker, &SocketWorker::connected, this, &ProcessLink::socketConnected);
    connect(m_worker, &SocketWorker::failed, this, &ProcessLink::socketFailed);
    connect(m_worker, &SocketWorker::disconnected, this, &ProcessLink::lost);
    connect(m_worker, &SocketWorker::heard, this, [this] {
        m_heard.start();
        if (state() == EngineState::NotResponding) renewBusy();
    });
    connect(m_worker, &SocketWorker::result, this,
            [this](quint64 id, const JsonResult& result) { takeResult(id, *result); });
    connect(m_worker, &SocketWorker::progress, this,
            [this](quint64 id, const engine::Progress& value) { deliverProgress(id, value); });
    connect(m_worker, &SocketWorker::device, this,
            [this](const engine::DeviceStatus& device) { setDevice(device); });
    connect(m_worker, &SocketWorker::log, this, &EngineLink::logLine);
    connect(m_mailbox, &MetricsMailbox::tokens, this,
            [this](quint64 id, const QVector<engine::TokenEvent>& batch) { deliverTokens(id, batch); });
    connect(m_mailbox, &MetricsMailbox::runEvents, this, [this](const RunEventBatch& batch) {
        for (const RunEventItem& item : batch)
            if (const auto* change = std::get_if<engine::StateChange>(&item.event))
                m_runLive = change->to == engine::RunState::Loading ||
                            change->to == engine::RunState::Running ||
                            change->to == engine::RunState::Stopping;
        if (m_ready) renewBusy();
        Q_EMIT runEvents(batch);
    });
    m_thread.start();
}

void ProcessLink::start() {
    setState(EngineState::Starting);
    m_starting.start();
    m_launched = false;
    connectSocket();
}

void ProcessLink::restart() {
    m_deaths.clear();
    if (m_quitting && m_connected) {
        m_again = true;
        return;
    }
    start();
}

void ProcessLink::quitEngine() {
    m_quitting = m_connected;
    write(kHelloId - 1, "quit", Json::object());
}

void ProcessLink::connectSocket() {
    QMetaObject::invokeMethod(
        m_worker, [worker = m_worker, path = m_options.socket] { worker->open(path); }, Qt::QueuedConnection);
}

void ProcessLink::socketFailed() {
    if (state() == EngineState::Stopped) return;
    if (!m_launched) launch();
    if (state() == EngineState::Stopped) return;
    const bool loading = m_process && m_process->state() != QProcess::NotRunning;
    if (m_starting.elapsed() > (loading ? kPatience : 1) * m_options.startMs) {
        setState(EngineState::Stopped);
        failAll(gone(tr("it did not answer")));
        Q_EMIT doesNotStart(tr("It did not answer within %1 s.").arg(m_starting.elapsed() / 1000));
        return;
    }
    m_retry.start(100);
}

void ProcessLink::launch() {
    m_launched = true;
    if (m_options.program == QLatin1String("-")) return;
    const QString path = program();
    if (!QFileInfo(path).isExecutable()) {
        setState(EngineState::Stopped);
        failAll(gone(tr("caravan-engine is missing")));
        Q_EMIT doesNotStart(tr("The program caravan-engine is not beside this one."));
        return;
    }
    QDir().mkpath(QFileInfo(logFile()).path());
    auto* process = new QProcess;
    process->setProgram(path);
    QStringList arguments = m_options.arguments;
    if (const QString device = QSettings().value(QStringLiteral("engine/device")).toString();
        !device.isEmpty())
        arguments << QStringLiteral("--device") << device;
    process->setArguments(arguments);
    process->setStandardInputFile(QProcess::nullDevice());
    const QString output =
        QFileInfo(logFile()).path() + QStringLiteral("/engine-output.log");  // the engine rotates its own
    process->setStandardOutputFile(output, QIODevice::Append);
    process->setStandardErrorFile(output, QIODevice::Append);
    process->setChildProcessModifier([] { ::setsid(); });
    connect(process, &QProcess::finished, this, [this, process](int code, QProcess::ExitStatus status) {
        if (process != m_process || m_connected || m_deathCounted)
            return;  // a lost connection tells by itself
        if (status == QProcess::NormalExit && code == 0)
            return;  // another one is there: the socket will answer
        lost();
    });
    connect(process, &QProcess::finished, process, &QObject::deleteLater);
    m_process = process;
    m_deathCounted = false;
    process->start();
}

void ProcessLink::socketConnected() {
    m_connected = true;
    m_heard.start();
    m_watch.start();
    write(kHelloId, "hello",
          Json{{"protocol", engine::wire::kProtocol},
               {"version", CARAVAN_VERSION},
               {"pid", QCoreApplication::applicationPid()}});
}

void ProcessLink::takeHello(const engine::Result<Json>& result) {
    const int protocol = result && result->is_object() ? result->value("protocol", 0) : 0;
    if (protocol != engine::wire::kProtocol) {
        m_connected = false;
        QMetaObject::invokeMethod(
            m_worker, [worker = m_worker] { worker->close(); }, Qt::QueuedConnection);
        setState(EngineState::Stopped);
        const QString version = result && result->is_object()
                                    ? QString::fromStdString(result->value("version", "?"))
                                    : QStringLiteral("?");
        failAll(gone(tr("another version is running")));
        Q_EMIT doesNotStart(tr("An engine of version %1 is running; this window is version %2. Finish its "
                               "run with the window it belongs to.")
                                .arg(version, QStringLiteral(CARAVAN_VERSION)));
        return;
    }
    m_ready = true;
    renewBusy();
    auto waiting = std::move(m_waiting);
    m_waiting.clear();
    for (Waiting& request : waiting)
        send(request.id, request.type, std::move(request.body));
    request("device", Json::object(), this, [this](const engine::Result<Json>& answer) {
        if (!answer) return;
        try {
            setDevice(answer->get<engine::DeviceStatus>());
        } catch (const std::exception&) {
        }
    });
}

void ProcessLink::lost() {
    m_mailbox->drain();
    m_connected = m_ready = m_runLive = false;
    m_long.clear();
    m_waiting.clear();
    m_watch.stop();
    m_retry.stop();
    QMetaObject::invokeMethod(
        m_worker, [worker = m_worker] { worker->close(); }, Qt::QueuedConnection);
    if (std::exchange(m_quitting, false)) {  // by the user's wish: no death
        failAll(gone(tr("it was asked to end")));
        setState(m_again ? EngineState::Restarting : EngineState::Stopped);
        if (std::exchange(m_again, false)) QTimer::singleShot(200, this, [this] { start(); });
        return;
    }
    if (std::exchange(m_dying, true)) return;  // the socket and the child both tell
    // the exit status of our own child is there a moment after its socket closed
    const bool wait = m_process && m_process->state() != QProcess::NotRunning;
    QTimer::singleShot(wait ? 100 : 0, this, [this] { countDeath(deathReason()); });
}

void ProcessLink::countDeath(const QString& reason) {
    m_dying = false;
    m_deathCounted = true;
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    m_deaths.push_back(now);
    m_deaths.erase(
        std::remove_if(m_deaths.begin(), m_deaths.end(), [now](qint64 at) { return now - at > 60000; }),
        m_deaths.end());
    setLastDeath(reason);
    const bool again = m_deaths.size() < m_options.deathsInAMinute;
    setState(again ? EngineState::Restarting : EngineState::Stopped);
    failAll(gone(reason));
    Q_EMIT died(reason);
    if (!again) {
        Q_EMIT doesNotStart(
            tr("It ended %1 times within a minute. Last: %2.").arg(m_deaths.size()).arg(reason));
        return;
    }
    m_starting.start();
    m_launched = false;
    m_retry.start(50);
}

QString ProcessLink::deathReason() const {
    if (m_process && m_process->state() == QProcess::NotRunning) {
        if (m_process->exitStatus() == QProcess::CrashExit)
            return tr("The process was ended by signal %1").arg(m_process->exitCode());
        return tr("The process ended with exit code %1").arg(m_process->exitCode());
    }
    return tr("The process ended");
}

void ProcessLink::send(quint64 id, const std::string& type, Json body) {
    if (state() == EngineState::Stopped && !m_connected) {
        QMetaObject::invokeMethod(
            this, [this, id] { deliverResult(id, tl::unexpected(gone(tr("it is not running")))); },
            Qt::QueuedConnection);
        return;
    }
    if (!m_ready) return m_waiting.push_back({id, type, std::move(body)});
    write(id, type, std::move(body));
    if (kLong.count(type)) {
        m_long.emplace(id, type);
        renewBusy();
    }
}

void ProcessLink::write(quint64 id, const std::string& type, Json body) {
    const auto bytes = engine::wire::encode({type, id, std::move(body)});
    QByteArray frame(reinterpret_cast<const char*>(bytes.data()), static_cast<qsizetype>(bytes.size()));
    QMetaObject::invokeMethod(
        m_worker, [worker = m_worker, frame] { worker->send(frame); }, Qt::QueuedConnection);
}

void ProcessLink::takeResult(quint64 id, const engine::Result<Json>& result) {
    if (id == kHelloId) return takeHello(result);
    m_mailbox->drain();  // what came before the result is told before it
    if (m_long.erase(id)) renewBusy();
    deliverResult(id, result);
}

void ProcessLink::renewBusy() {
    setState(m_runLive || !m_long.empty() ? EngineState::Busy : EngineState::Ready);
}

QString ProcessLink::program() const {
    if (!m_options.program.isEmpty()) return m_options.program;
    const QString said = qEnvironmentVariable("CARAVAN_ENGINE");
    if (!said.isEmpty()) return said;
    const QDir folder(QCoreApplication::applicationDirPath());
    const QString beside = folder.filePath(QStringLiteral("caravan-engine"));
    return QFileInfo(beside).isExecutable()
               ? beside
               : folder.filePath(QStringLiteral("../app/caravan-engine"));  // test programs
}

QString ProcessLink::logFile() const {
    QString state = qEnvironmentVariable("XDG_STATE_HOME");
    if (state.isEmpty()) state = QDir::homePath() + QStringLiteral("/.local/state");
    return state + QStringLiteral("/caravan/engine.log");
}

}  // namespace caravan::ui
