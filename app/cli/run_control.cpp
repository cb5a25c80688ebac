// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/run_control.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "app/engine_host/listener.h"
#include "engine/api/event_json.h"
#include "engine/api/wire.h"
#include "projects/files.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using engine::ErrorCode;
using engine::wire::Frame;

namespace {

// One request at a time on a connection of its own.
class Call {
  public:
    explicit Call(double seconds)
        : m_socket(host::connectTo(engine::wire::socketPath())),
          m_end(std::chrono::steady_clock::now() +
                std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000))) {}
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() {
        if (m_socket >= 0) close(m_socket);
    }

    engine::Result<nlohmann::json> request(const std::string& type, nlohmann::json body) {
        if (m_socket < 0) return engine::fail(ErrorCode::EngineGone, {{"detail", std::strerror(errno)}});
        const std::uint64_t id = m_next++;
        const auto bytes = engine::wire::encode({type, id, std::move(body)});
        if (send(m_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
            return engine::fail(ErrorCode::EngineGone, {{"detail", "it closed the connection"}});
        return awaitAnswer(id);
    }

  private:
    engine::Result<nlohmann::json> awaitAnswer(std::uint64_t id) {
        while (true) {
            Frame frame;
            auto taken = m_decoder.take(frame);
            if (!taken) return tl::unexpected(taken.error());
            if (*taken) {
                if (frame.id != id && !(frame.id == 0 && frame.type == "error")) continue;
                if (frame.type == "error") return tl::unexpected(engine::errorFromJson(frame.body));
                if (frame.type == "result") return frame.body;
                continue;
            }
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                                  m_end - std::chrono::steady_clock::now())
                                  .count();
            pollfd set{m_socket, POLLIN, 0};
            if (left <= 0 || poll(&set, 1, static_cast<int>(left)) <= 0)
                return engine::fail(ErrorCode::EngineGone, {{"detail", "it does not answer"}});
            std::array<std::uint8_t, 65536> buffer;
            const ssize_t n = recv(m_socket, buffer.data(), buffer.size(), 0);
            if (n <= 0) return engine::fail(ErrorCode::EngineGone, {{"detail", "it closed the connection"}});
            m_decoder.feed(std::span(buffer).first(static_cast<std::size_t>(n)));
        }
    }

    int m_socket;
    std::chrono::steady_clock::time_point m_end;
    engine::wire::Decoder m_decoder;
    std::uint64_t m_next = 1;
};

}  // namespace

void askOwner(const fs::path& runFolder, const std::string& word) {
    projects::writeAtomically(runFolder / "control", word + "\n");
}

std::optional<std::string> takeRequest(const fs::path& runFolder) {
    const fs::path file = runFolder / "control";
    std::error_code error;
    if (!fs::exists(file, error)) return std::nullopt;
    const auto text = projects::attempt([&] { return projects::readWhole(file, 4096); });
    fs::remove(file, error);
    if (!text) return std::nullopt;
    return text->substr(0, text->find('\n'));
}

engine::Result<void> askEngine(const fs::path& runFolder, const std::string& word, double seconds) {
    Call call(seconds);
    const auto hello = call.request(
        "hello", {{"protocol", engine::wire::kProtocol}, {"version", CARAVAN_VERSION}, {"pid", getpid()}});
    if (!hello) return tl::unexpected(hello.error());
    const auto done = call.request("run." + word, {{"run", runFolder.string()}});
    if (!done) return tl::unexpected(done.error());
    return {};
}

}  // namespace caravan::cli
