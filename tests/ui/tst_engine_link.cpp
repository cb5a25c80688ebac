// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <signal.h>

#include <QLocalServer>
#include <QLocalSocket>
#include <QtTest>

#include "engine/api/event_json.h"
#include "engine/api/wire.h"
#include "ui/bridge/process_link.h"
#include "ui/bridge/run_controller.h"

using namespace caravan;
using namespace caravan::ui;
using Json = nlohmann::json;

// A small engine inside the test: the real wire format on a real socket.
class WireServer : public QObject {
    Q_OBJECT
  public:
    explicit WireServer(const QString& path) : m_path(path) { listen(); }
    void listen() {
        QLocalServer::removeServer(m_path);
        QVERIFY(m_server.listen(m_path));
        connect(&m_server, &QLocalServer::newConnection, this, [this] {
            m_peer = m_server.nextPendingConnection();
            m_decoder = engine::wire::Decoder();
            connect(m_peer, &QLocalSocket::readyRead, this, [this] { read(); });
        });
    }
    void close() {
        if (m_peer) m_peer->abort();
        m_server.close();
    }
    void drop() { m_peer->abort(); }
    void send(const std::string& type, quint64 id, Json body) {
        const auto bytes = engine::wire::encode({type, id, std::move(body)});
        m_peer->write(reinterpret_cast<const char*>(bytes.data()), static_cast<qint64>(bytes.size()));
    }
    void event(const QString& run, const engine::RunEvent& event) {
        send("run", 0, {{"run", run.toStdString()}, {"event", engine::toJson(event)}});
    }
    int protocol = engine::wire::kProtocol;
    bool answers = true;
    std::vector<engine::wire::Frame> asked;
    std::function<void(const engine::wire::Frame&)> onRequest;

  private:
    void read() {
        const QByteArray bytes = m_peer->readAll();
        m_decoder.feed({reinterpret_cast<const std::uint8_t*>(bytes.constData()),
                        static_cast<std::size_t>(bytes.size())});
        engine::wire::Frame frame;
        while (m_decoder.take(frame).value_or(false)) {
            asked.push_back(frame);
            if (frame.type == "hello")
                send("result", frame.id,
                     {{"protocol", protocol},
                      {"version", "0.9"},
                      {"pid", 1},
                      {"capabilities", Json::array()}});
            else if (frame.type == "device")
                send("result", frame.id,
                     Json(engine::DeviceStatus{"CPU, 2 cores", false, 1 << 20, 1 << 30, -1, ""}));
            else if (frame.type == "run.attach")
                send("result", frame.id, {{"runs", Json::array()}});
            else if (onRequest)
                onRequest(frame);
        }
    }
    QString m_path;
    QLocalServer m_server;
    QPointer<QLocalSocket> m_peer;
    engine::wire::Decoder m_decoder;
};

class TestEngineLink : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void init() {
        m_folder = std::make_unique<QTemporaryDir>();
        m_path = m_folder->filePath("e.sock");
        qputenv("XDG_STATE_HOME", m_folder->path().toUtf8());
    }
    void becomesReady();
    void requestsWaitForTheEngine();
    void errorsCarryTheirCode();
    void tokensComeBeforeTheResult();
    void runEventsKeepTheirOrder();
    void deathIsSeenAndOpenRequestsEnd();
    void silenceIsNotResponding();
    void otherProtocolIsRefused();
    void threeDeathsEndTheRestarts();
    void missingProgramIsSaid();
    void aSlowStartIsWaitedFor();
    void aChildThatNeverListensIsSaid();
    void aRunThatDiesIsInterrupted();
    void answersOfDeletedPagesAreDropped();
    void lastWordsArrive();

  private:
    [[nodiscard]] ProcessLinkOptions options() const {
        ProcessLinkOptions result;
        result.socket = m_path;
        result.program = QStringLiteral("-");
        return result;
    }
    // A program that lives for long and never listens.
    [[nodiscard]] ProcessLinkOptions deafChild(int startMs) const {
        ProcessLinkOptions result = options();
        result.program = QStringLiteral("/bin/sleep");
        result.arguments = {QStringLiteral("20")};
        result.startMs = startMs;
        return result;
    }
    std::unique_ptr<QTemporaryDir> m_folder;
    QString m_path;
};

void TestEngineLink::becomesReady() {
    WireServer server(m_path);
    ProcessLink link(options());
    QCOMPARE(link.state(), EngineState::Stopped);
    link.start();
    QCOMPARE(link.state(), EngineState::Starting);
    QTRY_COMPARE(link.state(), EngineState::Ready);
    QCOMPARE(server.asked.front().type, "hello");
    QCOMPARE(server.asked.front().body.value("protocol", 0), engine::wire::kProtocol);
    QTRY_VERIFY(link.hasDevice());
    QCOMPARE(link.device().name, "CPU, 2 cores");
}

void TestEngineLink::requestsWaitForTheEngine() {
    ProcessLink link(options());
    link.start();
    std::optional<Json> got;
    link.request("inspect", {{"path", "/m"}}, this,
                 [&](const engine::Result<Json>& result) { got = result.value_or(Json()); });
    QTest::qWait(150);
    QVERIFY(!got);
    WireServer server(m_path);
    server.onRequest = [&](const engine::wire::Frame& frame) {
        server.send("result", frame.id, {{"name", frame.body["path"]}});
    };
    QTRY_VERIFY(got);
    QCOMPARE((*got)["name"], "/m");
}

void TestEngineLink::errorsCarryTheirCode() {
    WireServer server(m_path);
    server.onRequest = [&](const engine::wire::Frame& frame) {
        server.send(
            "error", frame.id,
            engine::toJson(engine::Error{engine::ErrorCode::FileMissing, {{"file", "/m/config.json"}}}));
    };
    ProcessLink link(options());
    link.start();
    std::optional<engine::Error> error;
    link.request("inspect", {{"path", "/m"}}, this,
                 [&](const engine::Result<Json>& result) { error = result.error(); });
    QTRY_VERIFY(error);
    QCOMPARE(error->code, engine::ErrorCode::FileMissing);
    QCOMPARE(error->parameter("file"), "/m/config.json");
}

void TestEngineLink::tokensComeBeforeTheResult() {
    WireServer server(m_path);
    server.onRequest = [&](const engine::wire::Frame& frame) {
        server.send("progress", frame.id, {{"stage", "reading weights"}, {"done", 1}, {"total", 2}});
        for (int i = 0; i < 50; ++i) {
            engine::TokenEvent token;
            token.id = i;
            token.text = "x";
            server.send("token", frame.id, Json(token));
        }
        server.send("result", frame.id, {{"tokens", 50}});
    };
    ProcessLink link(options());
    link.start();
    std::vector<int> ids;
    int batches = 0;
    QString stage;
    bool done = false;
    link.request(
        "generate", Json::object(), this,
        [&](const engine::Result<Json>&) {
            done = true;
            QCOMPARE(ids.size(), 50u);
        },
        [&](const engine::Progress& progress) { stage = QString::fromStdString(progress.stage); },
        [&](const QVector<engine::TokenEvent>& tokens) {
            ++batches;
            for (const auto& token : tokens)
                ids.push_back(token.id);
        });
    QTRY_VERIFY(done);
    for (int i = 0; i < 50; ++i)
        QCOMPARE(ids[static_cast<std::size_t>(i)], i);
    QVERIFY2(batches < 25, "tokens come in batches");
    QCOMPARE(stage, QStringLiteral("reading weights"));
    QTRY_COMPARE(link.state(), EngineState::Ready);  // busy while it answered
}

void TestEngineLink::runEventsKeepTheirOrder() {
    WireServer server(m_path);
    ProcessLink link(options());
    link.start();
    QTRY_COMPARE(link.state(), EngineState::Ready);
    std::vector<std::int64_t> steps;
    int batches = 0;
    connect(&link, &EngineLink::runEvents, this, [&](const RunEventBatch& batch) {
        ++batches;
        for (const RunEventItem& item : batch)
            if (const auto* metrics = std::get_if<engine::StepMetrics>(&item.event))
                steps.push_back(metrics->step);
    });
    for (int i = 1; i <= 300; ++i) {
        engine::StepMetrics metrics;
        metrics.step = i;
        server.event(QStringLiteral("/p/runs/0001"), metrics);
    }
    QTRY_COMPARE(steps.size(), 300u);
    QVERIFY(std::is_sorted(steps.begin(), steps.end()));
    QVERIFY2(batches < 60, "drained at 30 Hz, not one by one");
}

void TestEngineLink::deathIsSeenAndOpenRequestsEnd() {
    WireServer server(m_path);
    ProcessLink link(options());
    link.start();
    QTRY_COMPARE(link.state(), EngineState::Ready);
    std::optional<engine::Error> error;
    link.request("proof", Json::object(), this,
                 [&](const engine::Result<Json>& result) { error = result.error(); });
    QTRY_COMPARE(link.state(), EngineState::Busy);
    QTRY_COMPARE(server.asked.back().type, "proof");
    QSignalSpy died(&link, &EngineLink::died);
    QElapsedTimer clock;
    clock.start();
    server.drop();
    QTRY_COMPARE_WITH_TIMEOUT(died.count(), 1, 1000);
    QVERIFY(clock.elapsed() < 1000);
    QVERIFY(error);
    QCOMPARE(error->code, engine::ErrorCode::EngineGone);
    QTRY_COMPARE(link.state(), EngineState::Ready);  // found again by itself
}

void TestEngineLink::silenceIsNotResponding() {
    WireServer server(m_path);
    ProcessLinkOptions quick = options();
    quick.silenceMs = 600;  // frames are noted four times a second at most
    ProcessLink link(quick);
    link.start();
    QTRY_COMPARE(link.state(), EngineState::Ready);
    QTRY_COMPARE(link.state(), EngineState::NotResponding);
    server.send("heartbeat", 0, Json::object());
    QTRY_COMPARE(link.state(), EngineState::Ready);
}

void TestEngineLink::otherProtocolIsRefused() {
    WireServer server(m_path);
    server.protocol = engine::wire::kProtocol + 1;
    ProcessLink link(options());
    QSignalSpy refused(&link, &EngineLink::doesNotStart);
    link.start();
    QTRY_COMPARE(refused.count(), 1);
    QCOMPARE(link.state(), EngineState::Stopped);
    QVERIFY(refused.first().first().toString().contains(QStringLiteral("0.9")));
}

void TestEngineLink::threeDeathsEndTheRestarts() {
    WireServer server(m_path);
    ProcessLink link(options());
    QSignalSpy died(&link, &EngineLink::died), gaveUp(&link, &EngineLink::doesNotStart);
    link.start();
    for (int death = 1; death <= 3; ++death) {
        QTRY_COMPARE(link.state(), EngineState::Ready);
        server.drop();
        QTRY_COMPARE(died.count(), death);
    }
    QTRY_COMPARE(gaveUp.count(), 1);
    QCOMPARE(link.state(), EngineState::Stopped);
    std::optional<engine::Error> error;
    link.request("plan", Json::object(), this,
                 [&](const engine::Result<Json>& result) { error = result.error(); });
    QTRY_VERIFY(error);
    link.restart();
    QTRY_COMPARE(link.state(), EngineState::Ready);
}

void TestEngineLink::missingProgramIsSaid() {
    ProcessLinkOptions none = options();
    none.program = m_folder->filePath("no-such-engine");
    ProcessLink link(none);
    QSignalSpy gaveUp(&link, &EngineLink::doesNotStart);
    link.start();
    QTRY_COMPARE(gaveUp.count(), 1);
    QCOMPARE(link.state(), EngineState::Stopped);
}

// A cold disk: the child is there long before it listens.
void TestEngineLink::aSlowStartIsWaitedFor() {
    ProcessLink link(deafChild(200));
    QSignalSpy gaveUp(&link, &EngineLink::doesNotStart);
    link.start();
    QTest::qWait(700);
    QCOMPARE(gaveUp.count(), 0);
    QCOMPARE(link.state(), EngineState::Starting);
    const WireServer server(m_path);
    QTRY_COMPARE(link.state(), EngineState::Ready);
    ::kill(static_cast<pid_t>(link.enginePid()), SIGKILL);
}

void TestEngineLink::aChildThatNeverListensIsSaid() {
    ProcessLink link(deafChild(40));
    QSignalSpy gaveUp(&link, &EngineLink::doesNotStart);
    link.start();
    QTRY_COMPARE(gaveUp.count(), 1);
    QCOMPARE(link.state(), EngineState::Stopped);
    ::kill(static_cast<pid_t>(link.enginePid()), SIGKILL);
}

void TestEngineLink::aRunThatDiesIsInterrupted() {
    WireServer server(m_path);
    ProcessLink link(options());
    RunController runs(&link);
    link.start();
    QTRY_COMPARE(link.state(), EngineState::Ready);
    engine::StateChange started;
    started.to = engine::RunState::Running;
    started.run = "/p/runs/0001";
    server.event(QStringLiteral("/p/runs/0001"), started);
    engine::StepMetrics metrics;
    metrics.step = 37;
    server.event(QStringLiteral("/p/runs/0001"), metrics);
    server.event(QStringLiteral("/p/runs/0001"),
                 engine::CheckpointInfo{20, "/p/runs/0001/checkpoints/step-000020", 1});
    QTRY_COMPARE(runs.live().step, engine::StepIndex(37));
    QTRY_COMPARE(runs.live().lastCheckpoint, engine::StepIndex(20));
    QVERIFY(runs.live().isActive());
    QTRY_COMPARE(link.state(), EngineState::Busy);
    server.drop();
    QTRY_VERIFY(runs.live().engineDied);
    QCOMPARE(runs.live().state, engine::RunState::Interrupted);
    QVERIFY(!runs.live().isActive());
    QCOMPARE(runs.live().step, engine::StepIndex(37));
}

void TestEngineLink::answersOfDeletedPagesAreDropped() {
    WireServer server(m_path);
    std::optional<engine::wire::Frame> held;
    server.onRequest = [&](const engine::wire::Frame& frame) { held = frame; };
    ProcessLink link(options());
    link.start();
    auto page = std::make_unique<QObject>();
    bool called = false;
    link.request("plan", Json::object(), page.get(), [&](const engine::Result<Json>&) { called = true; });
    QTRY_VERIFY(held);
    page.reset();
    server.send("result", held->id, Json::object());
    server.send("heartbeat", 0, Json::object());
    QTest::qWait(100);
    QVERIFY(!called);
}

// The checkpoint that a closing window asks for must not be lost with its socket.
void TestEngineLink::lastWordsArrive() {
    WireServer server(m_path);
    auto link = std::make_unique<ProcessLink>(options());
    link->start();
    QTRY_COMPARE(link->state(), EngineState::Ready);
    link->request("run.checkpoint", {{"run", "/p/runs/0001"}}, nullptr, {});
    link.reset();
    QTRY_COMPARE(server.asked.back().type, "run.checkpoint");
}

QTEST_GUILESS_MAIN(TestEngineLink)
#include "tst_engine_link.moc"
