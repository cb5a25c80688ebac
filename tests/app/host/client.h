// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <thread>

#include "app/engine_host/listener.h"
#include "engine/api/wire.h"

namespace caravan::host::testing {

using engine::wire::Frame;
using nlohmann::json;

// A plain client with a blocking socket.
class Client {
  public:
    explicit Client(const std::string& path, bool greet = true) {
        for (int i = 0; i < 200 && m_socket < 0; ++i) {
            m_socket = connectTo(path);
            if (m_socket < 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        EXPECT_GE(m_socket, 0);
        if (greet) EXPECT_EQ(call("hello", {{"protocol", engine::wire::kProtocol}}).type, "result");
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() { close(m_socket); }

    std::uint64_t send(const std::string& type, json body) {
        const auto id = m_next++;
        write(engine::wire::encode({type, id, std::move(body)}));
        return id;
    }
    void write(const std::vector<std::uint8_t>& bytes) {
        (void)!::send(m_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }

    // The next frame for which want() is true; frames before it are given to seen.
    std::optional<Frame> until(const std::function<bool(const Frame&)>& want, double seconds = 5,
                               std::vector<Frame>* seen = nullptr) {
        const auto end =
            std::chrono::steady_clock::now() + std::chrono::milliseconds(static_cast<int>(seconds * 1000));
        while (true) {
            Frame frame;
            const auto taken = m_decoder.take(frame);
            if (!taken) return std::nullopt;
            if (*taken) {
                if (want(frame)) return frame;
                if (seen) seen->push_back(frame);
                continue;
            }
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now())
                    .count();
            pollfd set{m_socket, POLLIN, 0};
            if (left <= 0 || poll(&set, 1, static_cast<int>(left)) <= 0) return std::nullopt;
            std::array<std::uint8_t, 65536> buffer;
            const ssize_t n = recv(m_socket, buffer.data(), buffer.size(), 0);
            if (n <= 0) {
                closed = true;
                return std::nullopt;
            }
            m_decoder.feed(std::span(buffer).first(static_cast<std::size_t>(n)));
        }
    }
    Frame answer(std::uint64_t id, std::vector<Frame>* seen = nullptr) {
        return until([&](const Frame& f) { return f.id == id && (f.type == "result" || f.type == "error"); },
                     5, seen)
            .value_or(Frame{"none", 0, {}});
    }
    Frame call(const std::string& type, json body) { return answer(send(type, std::move(body))); }
    std::optional<Frame> state(const std::string& word) {
        return until([&](const Frame& f) {
            return f.type == "run" && f.body["event"]["type"] == "state" && f.body["event"]["to"] == word;
        });
    }
    bool closedByPeer(double seconds = 5) {
        until([](const Frame&) { return false; }, seconds);
        return closed;
    }
    bool closed = false;

  private:
    int m_socket = -1;
    engine::wire::Decoder m_decoder;
    std::uint64_t m_next = 1;
};

}  // namespace caravan::host::testing
