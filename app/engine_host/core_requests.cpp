// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What clients ask for: one frame at a time on the loop's thread, long work on a thread of its own.
#include <unistd.h>

#include "app/engine_host/core.h"
#include "app/engine_host/requests.h"
#include "engine/api/event_json.h"

namespace caravan::host {
namespace {

using engine::wire::Frame;
using nlohmann::json;

constexpr std::size_t kMaxRequests = 64;  // running at once, of one client

}  // namespace

void Host::Core::handle(Client& client, Frame frame) {
    if (!frame.body.is_object()) frame.body = json::object();
    if (frame.type == "hello") return greet(client, frame);
    if (!client.greeted) {
        refuse(client, frame.id,
               {engine::ErrorCode::Unsupported,
                {{"what", frame.type}, {"detail", "the first frame must be hello"}}});
        client.closing = true;
        return;
    }
    if (frame.type == "run.attach") return attach(client, frame);
    if (frame.type == "quit") return quit(client, frame);
    if (frame.type == "cancel") {
        const std::lock_guard lock(m_mutex);
        const json id = frame.body.value("id", json());
        const auto found = id.is_number_unsigned() || id.is_number_integer()
                               ? client.requests.find(id.get<std::uint64_t>())
                               : client.requests.end();
        if (found != client.requests.end()) found->second.request_stop();
        return reply(client, "result", frame.id, json::object());
    }
    if (isRunControl(frame.type)) {
        const auto done = controlRun(*m_runs, frame.type, frame.body);
        return done ? reply(client, "result", frame.id, *done) : refuse(client, frame.id, done.error());
    }
    if (isLongRequest(frame.type)) return startRequest(client, std::move(frame));
    refuse(
        client, frame.id,
        {engine::ErrorCode::Unsupported, {{"what", "request " + frame.type}, {"detail", "it is not known"}}});
}

void Host::Core::greet(Client& client, const Frame& frame) {
    const json protocol = frame.body.value("protocol", json());
    if (protocol != json(engine::wire::kProtocol)) {
        refuse(client, frame.id,
               {engine::ErrorCode::Unsupported,
                {{"what", "Protocol version " + protocol.dump()},
                 {"detail", "this engine (" CARAVAN_VERSION ") speaks version " +
                                std::to_string(engine::wire::kProtocol)},
                 {"protocol", std::to_string(engine::wire::kProtocol)},
                 {"version", CARAVAN_VERSION}}});
        client.closing = true;
        return;
    }
    // Under the lock: other threads tell those who were greeted, and the greeting comes first.
    const std::lock_guard lock(m_mutex);
    client.greeted = true;
    reply(client, "result", frame.id,
          {{"protocol", engine::wire::kProtocol},
           {"version", CARAVAN_VERSION},
           {"pid", getpid()},
           {"capabilities", {"tune", "generate", "evaluate", "routing", "preview"}}});
}

void Host::Core::attach(Client& client, const Frame& frame) {
    const std::string wanted = frame.body.contains("run") && frame.body["run"].is_string()
                                   ? frame.body["run"].get<std::string>()
                                   : "";
    json runs = json::array();
    std::vector<json> newest;
    for (const auto& status : m_runs->list()) {
        if (!wanted.empty() && status.run != wanted) continue;
        runs.push_back(
            {{"run", status.run}, {"state", engine::stateWord(status.state)}, {"step", status.step}});
        const auto record = m_runs->newestRouting(status.run);
        if (!record) continue;
        json event = engine::toJson(engine::RunEvent(*record));
        event["values"] = engine::wire::packFloats(record->values);
        newest.push_back({{"run", status.run}, {"event", std::move(event)}});
    }
    const std::lock_guard lock(m_mutex);
    if (wanted.empty())
        client.allRuns = true;
    else
        client.runs.insert(wanted);
    reply(client, "result", frame.id, {{"runs", std::move(runs)}});
    for (json& body : newest)
        reply(client, "run", 0, std::move(body));
}

void Host::Core::quit(Client& client, const Frame& frame) {
    const json force = frame.body.value("force", json(false));
    if (m_runs->anyLive() && force != json(true)) {
        std::string run;
        for (const auto& status : m_runs->list())
            run = status.run;
        return refuse(client, frame.id, {engine::ErrorCode::RunBusy, {{"run", run}}});
    }
    reply(client, "result", frame.id, json::object());
    requestStop();
}

void Host::Core::startRequest(Client& client, Frame frame) {
    std::stop_source source;
    {
        const std::lock_guard lock(m_mutex);
        if (frame.id == 0 || client.requests.contains(frame.id) || client.requests.size() >= kMaxRequests)
            return refuse(client, frame.id,
                          {engine::ErrorCode::BadOption,
                           {{"key", "id"},
                            {"value", std::to_string(frame.id)},
                            {"range", "a number above 0 that is not in use"}}});
        client.requests[frame.id] = source;
        // Whoever starts a run hears of it, from its first event on.
        if (frame.type == "run.start" || frame.type == "run.resume") client.allRuns = true;
    }
    auto done = std::make_shared<std::atomic<bool>>(false);
    auto work = [this, number = client.number, frame = std::move(frame), source, done] {
        const Replies replies{
            [&](const engine::Progress& p) {
                sendTo(number,
                       {"progress", frame.id, {{"stage", p.stage}, {"done", p.done}, {"total", p.total}}},
                       Outbox::Kind::Latest, "progress " + std::to_string(frame.id));
            },
            [&](const engine::TokenEvent& token) {
                sendTo(number, {"token", frame.id, json(token)});
            }};
        const auto result =
            answer(m_engine, m_services, *m_runs, frame.type, frame.body, replies, source.get_token());
        finishRequest(number, frame.id);
        sendTo(number, result ? Frame{"result", frame.id, *result}
                              : Frame{"error", frame.id, engine::toJson(result.error())});
        *done = true;
        wake();
    };
    m_requests.push_back({std::thread(std::move(work)), done});
}

void Host::Core::finishRequest(std::uint64_t client, std::uint64_t id) {
    const std::lock_guard lock(m_mutex);
    if (Client* c = findClient(client)) c->requests.erase(id);
}

}  // namespace caravan::host
