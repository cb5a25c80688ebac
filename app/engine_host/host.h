// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "engine/api/config/descriptors.h"
#include "engine/api/data_preview.h"
#include "engine/api/engine.h"
#include "engine/api/fit_table.h"
#include "engine/api/inspection.h"
#include "engine/api/step_batch.h"

namespace caravan::host {

// What needs no torch and lives in engine base; tests put their own here. All may block and are called on
// request threads.
struct HostServices {
    std::function<engine::Result<engine::ModelInspection>(const std::string& path)> inspect;
    struct Plan {
        engine::RunPlan plan;
        std::vector<engine::Problem> problems;
    };
    std::function<engine::Result<Plan>(const engine::Recipe&, const std::string& folder)> plan;
    std::function<engine::Result<engine::DataPreview>(const engine::Recipe&, const std::string& folder,
                                                      const engine::ProgressFunction&, std::stop_token)>
        preview;
    std::function<engine::Result<engine::StepBatch>(const engine::Recipe&, const std::string& folder,
                                                    engine::StepIndex, const engine::ProgressFunction&,
                                                    std::stop_token)>
        stepBatch;
    struct Tokens {
        std::vector<engine::TokenId> ids;
        std::vector<std::string> pieces;
    };
    std::function<engine::Result<Tokens>(const std::string& path, const std::string& text)> tokenize;
    std::function<engine::Result<engine::FitTable>(const engine::DeviceStatus&)> fits;
};

struct HostOptions {
    std::string socketPath;                         // "" = wire::socketPath()
    std::chrono::milliseconds idleQuit{10'000};     // after the last client, with no live run
    std::chrono::milliseconds firstClient{30'000};  // for the first client to come
    std::chrono::milliseconds beat{1'000};          // heartbeat and device status
    bool handleSignals = true;                      // SIGTERM, SIGINT, SIGHUP: save and exit
    std::function<void(const std::string& level, const std::string& text)> log;
};

// The engine behind a socket (engine/api/wire.h). One thread runs the loop and owns all sockets; each long
// request and each run has a thread of its own. The engine must outlive the host.
class Host {
  public:
    Host(engine::Engine& engine, HostServices services, HostOptions options);
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    ~Host();

    // Serves until idle, told to quit, or a signal. 0; also when another living engine has the socket.
    [[nodiscard]] int run();
    // As SIGTERM: live runs are saved and stopped, then run() returns. Any thread.
    void requestStop();

  private:
    class Core;
    std::unique_ptr<Core> m_core;
};

// SIGTERM, SIGINT and SIGHUP are left to Host::run(); call it before the first thread is made.
void blockSignals();

}  // namespace caravan::host
