// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "app/base_services.h"
#include "app/engine_host/host.h"
#include "engine/api/error_text.h"

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kLogBytes = 4u << 20;
constexpr std::size_t kLogFiles = 3;

fs::path logFile() {
    if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state)
        return fs::path(state) / "caravan" / "engine.log";
    const char* home = std::getenv("HOME");
    return fs::path(home && *home ? home : "/tmp") / ".local" / "state" / "caravan" / "engine.log";
}

std::shared_ptr<spdlog::logger> makeLog() {
    try {
        fs::create_directories(logFile().parent_path());
        auto log = spdlog::rotating_logger_mt("engine", logFile().string(), kLogBytes, kLogFiles);
        log->flush_on(spdlog::level::info);
        return log;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "caravan-engine: no log file: %s\n", e.what());
        return spdlog::stderr_logger_mt("engine");
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("The engine of Caravan: started by the window, which talks to it over a local socket",
                 "caravan-engine");
    caravan::engine::EngineOptions engineOptions;
    caravan::host::HostOptions hostOptions;
    double idleSeconds = 10;
    app.set_version_flag("--version", "caravan-engine " CARAVAN_VERSION);
    app.add_option("--device", engineOptions.device,
                   "cpu, cuda or cuda:N; default: a working CUDA device, else the CPU");
    app.add_option("--threads", engineOptions.threads, "Threads of the CPU; default: physical cores");
    app.add_option("--socket", hostOptions.socketPath,
                   "Path of the socket; default: engine.sock in the user's runtime folder");
    app.add_option("--idle", idleSeconds, "Seconds without a client and a run before it quits; default 10");
    CLI11_PARSE(app, argc, argv);

    const auto log = makeLog();
    log->info("caravan-engine " CARAVAN_VERSION " starts, pid {}", getpid());
    hostOptions.idleQuit = std::chrono::milliseconds(static_cast<std::int64_t>(idleSeconds * 1000));
    hostOptions.log = [log](const std::string& level, const std::string& text) {
        log->log(spdlog::level::from_str(level), text);
    };
    int code = 1;
    try {
        // Signals are blocked before any thread is made, so that only the host's loop sees them.
        caravan::host::blockSignals();
        const auto engine = caravan::engine::makeEngine(engineOptions);
        caravan::host::Host host(*engine, caravan::app::baseServices(*engine), hostOptions);
        code = host.run();
    } catch (const caravan::engine::EngineException& e) {
        log->error(caravan::engine::errorLines(e.error()));
    } catch (const std::exception& e) {
        log->error(e.what());
    }
    log->info("caravan-engine ends with {}", code);
    log->flush();
    std::fflush(nullptr);
    _exit(code);  // libtorch's destructors take long and gain nothing
}
