// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "app/engine_host/device_watch.h"
#include "app/engine_host/host.h"
#include "app/engine_host/hosted_runs.h"
#include "app/engine_host/listener.h"
#include "app/engine_host/outbox.h"
#include "app/engine_host/sleep_inhibitor.h"
#include "engine/api/wire.h"

namespace caravan::host {

// The loop. Sockets and decoders belong to the loop thread; outboxes are filled from any thread under
// m_mutex.
class Host::Core {
  public:
    Core(engine::Engine& engine, HostServices services, HostOptions options);
    ~Core();
    [[nodiscard]] int run();
    void requestStop();

  private:
    using Clock = std::chrono::steady_clock;
    struct Client {
        std::uint64_t number = 0;
        int socket = -1;
        engine::wire::Decoder decoder;
        Outbox outbox;
        bool greeted = false;  // said hello with our protocol
        bool closing = false;  // disconnect once the outbox is empty
        bool lost = false;     // disconnect now
        bool allRuns = false;  // subscribed to every run
        std::set<std::string> runs;
        std::map<std::uint64_t, std::stop_source> requests;  // running
    };
    struct RequestThread {
        std::thread thread;
        std::shared_ptr<std::atomic<bool>> done;
    };

    // loop thread
    void loop();
    int pollOnce();
    void acceptClients();
    void readFrom(Client& client);
    void takeFrames(Client& client);
    void handle(Client& client, engine::wire::Frame frame);
    void greet(Client& client, const engine::wire::Frame& frame);
    void attach(Client& client, const engine::wire::Frame& frame);
    void quit(Client& client, const engine::wire::Frame& frame);
    void startRequest(Client& client, engine::wire::Frame frame);
    void flushClients();
    void dropClients();
    void reapRequests();
    void beat();
    [[nodiscard]] bool mayExit();
    void beginStop();

    // any thread
    void publish(const std::string& run, const engine::RunEvent& event);
    void broadcast(const engine::wire::Frame& frame, Outbox::Kind kind, const std::string& key);
    void sendTo(std::uint64_t client, const engine::wire::Frame& frame,
                Outbox::Kind kind = Outbox::Kind::Reliable, std::string key = {});
    void finishRequest(std::uint64_t client, std::uint64_t id);
    void wake();
    void log(const std::string& level, const std::string& text);
    void watchDevice();

    // with m_mutex held, or on the loop thread for its own client
    void reply(Client& client, const char* type, std::uint64_t id, nlohmann::json body);
    void refuse(Client& client, std::uint64_t id, const engine::Error& error);
    Client* findClient(std::uint64_t number);

    engine::Engine& m_engine;
    const HostServices m_services;
    const HostOptions m_options;
    Listener m_listener;
    std::recursive_mutex m_mutex;  // clients and their outboxes
    std::map<std::uint64_t, std::unique_ptr<Client>> m_clients;
    std::uint64_t m_nextClient = 1;
    std::list<RequestThread> m_requests;
    int m_wake = -1, m_signals = -1;
    std::atomic<int> m_stopRequests{0};
    int m_stopsSeen = 0;
    bool m_quit = false;
    Clock::time_point m_idleSince, m_nextBeat;
    bool m_hadClient = false;
    std::unique_ptr<HostedRuns> m_runs;
    std::unique_ptr<SleepInhibitor> m_sleep;
    std::unique_ptr<DeviceWatch> m_device;
};

}  // namespace caravan::host
