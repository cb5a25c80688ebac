// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "engine/api/result.h"

namespace caravan::host {

// The listening socket of the one engine process: mode 0600 in a folder of mode 0700, a lock file beside it
// so that there is one owner, a socket left by a dead process replaced.
class Listener {
  public:
    enum class Outcome { Ours, AnotherLives };
    explicit Listener(std::string path) : m_path(std::move(path)) {}
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() { close(); }
    void close();  // removes the socket, then gives the lock up

    // AnotherLives: a living engine answers on the path.
    [[nodiscard]] engine::Result<Outcome> open();
    [[nodiscard]] int descriptor() const { return m_fd; }
    // A non-blocking socket of a peer with our uid, or -1.
    [[nodiscard]] int accept() const;

  private:
    [[nodiscard]] engine::Result<void> prepareFolder() const;
    std::string m_path;
    int m_fd = -1, m_lock = -1;
};

// Blocking connection to a listening engine, or -1 (errno says why).
[[nodiscard]] int connectTo(const std::string& path);

}  // namespace caravan::host
