// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <filesystem>
#include <thread>

#include "app/engine_host/host.h"
#include "engine/api/config/descriptors.h"
#include "tests/app/host/client.h"
#include "tests/app/host/fake_engine.h"

// A host over a fake engine, on a thread of the test.
namespace caravan::host::testing {

namespace fs = std::filesystem;

inline json recipe(std::int64_t steps, const std::string& model = "m") {
    Recipe r;
    r.model.path = model;
    r.tune.steps = steps;
    return recipeToJson(r);
}

class HostTest : public ::testing::Test {
  protected:
    HostTest() {
        std::string pattern = (fs::temp_directory_path() / "caravan-host-XXXXXX").string();
        folder = mkdtemp(pattern.data());
        options.socketPath = folder / "run" / "engine.sock";
        options.idleQuit = std::chrono::milliseconds(60'000);
        options.beat = std::chrono::milliseconds(50);
        options.handleSignals = false;
        services.inspect = [](const std::string& path) -> Result<ModelInspection> {
            if (path == "bad")
                return fail(ErrorCode::FileBad, {{"file", path}, {"place", "byte 0"}, {"detail", "no"}});
            ModelInspection inspection;
            inspection.name = path;
            return inspection;
        };
    }
    ~HostTest() override {
        stop();
        fs::remove_all(folder);
    }
    void start() {
        host = std::make_unique<Host>(fake, services, options);
        thread = std::thread([this] {
            code = host->run();
            ended = true;
        });
    }
    void stop() {
        if (host) host->requestStop();
        if (thread.joinable()) thread.join();
        host.reset();
    }
    bool endsWithin(int milliseconds) {
        for (int i = 0; i < milliseconds / 10 && !ended; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return ended;
    }
    std::string path() const { return options.socketPath; }

    fs::path folder;
    FakeEngine fake;
    HostServices services;
    HostOptions options;
    std::unique_ptr<Host> host;
    std::thread thread;
    std::atomic<bool> ended{false};
    std::atomic<int> code{-1};
};

}  // namespace caravan::host::testing
