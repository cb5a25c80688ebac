// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The loop, its sockets and what goes out; what clients ask for is in core_requests.cpp.
#include "app/engine_host/core.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "engine/api/error_text.h"
#include "engine/api/event_json.h"

namespace caravan::host {
namespace {

using engine::wire::Frame;
using nlohmann::json;

}  // namespace

Host::Core::Core(engine::Engine& engine, HostServices services, HostOptions options)
    : m_engine(engine),
      m_services(std::move(services)),
      m_options(std::move(options)),
      m_listener(m_options.socketPath.empty() ? engine::wire::socketPath() : m_options.socketPath),
      m_wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      m_runs(std::make_unique<HostedRuns>(
          engine, [this](const std::string& run, const engine::RunEvent& event) { publish(run, event); },
          [this] { wake(); })) {}

Host::Core::~Core() {
    m_device.reset();
    {
        const std::lock_guard lock(m_mutex);
        for (auto& [number, client] : m_clients)
            for (auto& [id, source] : client->requests)
                source.request_stop();
    }
    for (RequestThread& request : m_requests)
        request.thread.join();
    m_runs.reset();
    for (auto& [number, client] : m_clients)
        close(client->socket);
    if (m_signals >= 0) close(m_signals);
    close(m_wake);
}

int Host::Core::run() {
    const auto opened = m_listener.open();
    if (!opened) {
        log("error", engine::errorLines(opened.error()));
        return 1;
    }
    if (*opened == Listener::Outcome::AnotherLives) {
        log("info", "another engine is running");
        return 0;
    }
    signal(SIGPIPE, SIG_IGN);
    if (m_options.handleSignals) {
        sigset_t set;
        sigemptyset(&set);
        for (const int number : {SIGTERM, SIGINT, SIGHUP})
            sigaddset(&set, number);
        blockSignals();
        m_signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    }
    m_idleSince = m_nextBeat = Clock::now();
    m_sleep = std::make_unique<SleepInhibitor>([this] { m_runs->checkpointAll(); },
                                               [this] { return !m_runs->savesPending(); },
                                               [this](const std::string& text) { log("info", text); });
    watchDevice();
    log("info", "listening");
    loop();
    m_listener.close();
    log("info", "ending");
    return 0;
}

void Host::Core::loop() {
    while (!mayExit()) {
        if (pollOnce() < 0 && errno != EINTR) {
            log("error", "poll failed");
            return;
        }
        if (m_stopRequests > m_stopsSeen) beginStop();
        if (Clock::now() >= m_nextBeat) beat();
        m_runs->retire();
        if (m_stopsSeen == 0)
            if (const auto started = m_runs->startQueued(); !started)
                log("error", "The queue stops: " + engine::errorLines(started.error()));
        m_sleep->keepAwake(m_runs->anyMoves());
        m_sleep->process();
        reapRequests();
        flushClients();
        dropClients();
    }
    flushClients();
}

int Host::Core::pollOnce() {
    std::vector<pollfd> set = {
        {m_listener.descriptor(), POLLIN, 0}, {m_wake, POLLIN, 0}, {m_signals, POLLIN, 0}};
    std::vector<std::uint64_t> numbers;
    {
        const std::lock_guard lock(m_mutex);
        for (const auto& [number, client] : m_clients) {
            const short wanted =
                static_cast<short>((client->closing ? 0 : POLLIN) | (client->outbox.empty() ? 0 : POLLOUT));
            set.push_back({client->socket, wanted, 0});
            numbers.push_back(number);
        }
    }
    const auto now = Clock::now();
    const auto wait =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::max(m_nextBeat, now) - now).count() + 1;
    const int ready = poll(set.data(), set.size(), static_cast<int>(std::min<std::int64_t>(wait, 200)));
    if (ready < 0) return ready;
    std::array<std::uint8_t, 1024> scratch{};
    if (set[1].revents & POLLIN) (void)!read(m_wake, scratch.data(), 8);
    if (m_signals >= 0 && (set[2].revents & POLLIN) &&
        read(m_signals, scratch.data(), sizeof(signalfd_siginfo)) > 0)
        ++m_stopRequests;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if ((set[i + 3].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
        if (Client* client = findClient(numbers[i])) readFrom(*client);
    }
    if (set[0].revents & POLLIN) acceptClients();
    return ready;
}

void Host::Core::acceptClients() {
    const int socket = m_listener.accept();
    if (socket < 0) return;
    auto client = std::make_unique<Client>();
    client->number = m_nextClient++;
    client->socket = socket;
    m_hadClient = true;
    const std::lock_guard lock(m_mutex);
    m_clients[client->number] = std::move(client);
}

void Host::Core::readFrom(Client& client) {
    std::array<std::uint8_t, 65536> buffer;
    // A few reads a turn: a client that sends without end must not starve the others.
    for (int i = 0; i < 16; ++i) {
        const ssize_t n = recv(client.socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            const std::lock_guard lock(m_mutex);
            client.lost = true;
            return;
        }
        if (client.closing) continue;
        client.decoder.feed(std::span(buffer).first(static_cast<std::size_t>(n)));
    }
    takeFrames(client);
}

void Host::Core::takeFrames(Client& client) {
    while (!client.closing) {
        Frame frame;
        const auto taken = client.decoder.take(frame);
        if (!taken) {
            refuse(client, 0, taken.error());
            client.closing = true;
            return;
        }
        if (!*taken) return;
        handle(client, std::move(frame));
    }
}

void Host::Core::flushClients() {
    const std::lock_guard lock(m_mutex);
    for (auto& [number, client] : m_clients) {
        if (client->lost) continue;
        const auto flushed = client->outbox.flush(client->socket);
        if (flushed == Outbox::Flushed::Gone || (flushed == Outbox::Flushed::All && client->closing))
            client->lost = true;
    }
}

void Host::Core::dropClients() {
    const std::lock_guard lock(m_mutex);
    for (auto it = m_clients.begin(); it != m_clients.end();) {
        if (!it->second->lost) {
            ++it;
            continue;
        }
        for (auto& [id, source] : it->second->requests)
            source.request_stop();
        close(it->second->socket);
        it = m_clients.erase(it);
    }
    if (!m_clients.empty()) m_idleSince = Clock::now();
}

void Host::Core::reapRequests() {
    for (auto it = m_requests.begin(); it != m_requests.end();) {
        if (!*it->done) {
            ++it;
            continue;
        }
        it->thread.join();
        it = m_requests.erase(it);
    }
}

void Host::Core::beat() {
    m_nextBeat = Clock::now() + m_options.beat;
    broadcast({"heartbeat", 0, json::object()}, Outbox::Kind::Latest, "heartbeat");
}

bool Host::Core::mayExit() {
    const bool live = m_runs->anyLive();
    if (m_stopsSeen > 0) return !live;
    const std::lock_guard lock(m_mutex);
    if (live || !m_clients.empty() || !m_requests.empty()) {
        m_idleSince = Clock::now();
        return false;
    }
    return Clock::now() - m_idleSince >= (m_hadClient ? m_options.idleQuit : m_options.firstClient);
}

// The first: save and stop. The second: at once.
void Host::Core::beginStop() {
    m_stopsSeen = m_stopRequests;
    log("info", m_stopsSeen == 1 ? "stopping, live runs are saved" : "stopping at once");
    if (m_stopsSeen == 1)
        m_runs->stopAll();
    else
        m_runs->cancelAll();
}

void Host::Core::requestStop() {
    ++m_stopRequests;
    wake();
}

void Host::Core::publish(const std::string& run, const engine::RunEvent& event) {
    {
        const std::lock_guard lock(m_mutex);
        bool heard = false;
        for (const auto& [number, client] : m_clients)
            heard = heard || client->allRuns || client->runs.contains(run);
        if (!heard) return wake();
    }
    json body = engine::toJson(event);
    auto kind = Outbox::Kind::Reliable;
    std::string key;
    if (const auto* routing = std::get_if<engine::RoutingRecord>(&event)) {
        body["values"] = engine::wire::packFloats(routing->values);
        kind = Outbox::Kind::Latest;
        key = "routing " + run;
    } else if (std::holds_alternative<engine::Progress>(event)) {
        kind = Outbox::Kind::Latest;
        key = "stage " + run;
    } else if (std::holds_alternative<engine::StepMetrics>(event)) {
        kind = Outbox::Kind::Metric;
    }
    const auto bytes = std::make_shared<const std::vector<std::uint8_t>>(
        engine::wire::encode({"run", 0, {{"run", run}, {"event", std::move(body)}}}));
    const std::lock_guard lock(m_mutex);
    for (auto& [number, client] : m_clients)
        if ((client->allRuns || client->runs.contains(run)) && !client->outbox.push(bytes, kind, key))
            client->lost = true;
    wake();
}

void Host::Core::broadcast(const Frame& frame, Outbox::Kind kind, const std::string& key) {
    const auto bytes = std::make_shared<const std::vector<std::uint8_t>>(engine::wire::encode(frame));
    const std::lock_guard lock(m_mutex);
    for (auto& [number, client] : m_clients)
        if (client->greeted && !client->outbox.push(bytes, kind, key)) client->lost = true;
    wake();
}

void Host::Core::sendTo(std::uint64_t number, const Frame& frame, Outbox::Kind kind, std::string key) {
    auto bytes = std::make_shared<const std::vector<std::uint8_t>>(engine::wire::encode(frame));
    const std::lock_guard lock(m_mutex);
    Client* client = findClient(number);
    if (client && !client->outbox.push(std::move(bytes), kind, std::move(key))) client->lost = true;
    wake();
}

void Host::Core::wake() {
    const std::uint64_t one = 1;
    (void)!write(m_wake, &one, sizeof one);
}

void Host::Core::log(const std::string& level, const std::string& text) {
    if (m_options.log) m_options.log(level, text);
}

void Host::Core::watchDevice() {
    m_device = std::make_unique<DeviceWatch>(
        m_engine, m_options.beat,
        [this] {
            std::vector<DeviceWatch::At> running;
            for (const auto& status : m_runs->list())
                if (status.state == engine::RunState::Running) running.push_back({status.run, status.step});
            return running;
        },
        [this](const engine::DeviceStatus& device) {
            broadcast({"device", 0, json(device)}, Outbox::Kind::Latest, "device");
        });
}

void Host::Core::reply(Client& client, const char* type, std::uint64_t id, json body) {
    const std::lock_guard lock(m_mutex);
    auto bytes =
        std::make_shared<const std::vector<std::uint8_t>>(engine::wire::encode({type, id, std::move(body)}));
    if (!client.outbox.push(std::move(bytes), Outbox::Kind::Reliable)) client.lost = true;
}

void Host::Core::refuse(Client& client, std::uint64_t id, const engine::Error& error) {
    reply(client, "error", id, engine::toJson(error));
}

Host::Core::Client* Host::Core::findClient(std::uint64_t number) {
    const std::lock_guard lock(m_mutex);
    const auto found = m_clients.find(number);
    return found == m_clients.end() ? nullptr : found->second.get();
}

}  // namespace caravan::host
