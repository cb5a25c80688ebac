// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/engine.h"
#include "engine/api/result.h"

namespace caravan::cli {

// What every subcommand gets: common options, output by the habits of cli.md, the engine on demand. Lives as
// long as the program; used from the main thread unless a member says otherwise.
class Context {
  public:
    // Common options, filled by the parser.
    std::string device;
    int threads = 0;
    std::uint64_t seed = 0;
    bool seedGiven = false;
    bool json = false;
    bool quiet = false;
    bool verbose = false;

    // stdout: with --json one JSON object on a line; without it nothing.
    void emit(const nlohmann::json& object);
    // stdout, without --json only: text as it is, no line feed added.
    void print(std::string_view text);
    // stderr, unless --quiet: a line of log.
    void note(std::string_view line);
    // Words on stderr and, with --json, the error object on stdout; returns the exit code.
    [[nodiscard]] int fail(const engine::Error& error);
    [[nodiscard]] int failUsage(const std::string& words);  // 2

    // One line on stderr with rate and time left, redrawn in place; only on a terminal and not with --quiet.
    // Any thread.
    void progress(const engine::Progress& progress);
    void progressLine(std::string_view line);
    void clearProgress();

    // The engine, opened at the first call (0.5 s: torch is loaded here and nowhere else).
    [[nodiscard]] engine::Result<engine::Engine*> openEngine();

    // Ctrl-C: the first asks to stop (interrupts() = 1), a second to stop at once (2). The token ends at the
    // first. The second ends the program, unless a tuning run is saved first (setPatient).
    [[nodiscard]] int interrupts() const;
    [[nodiscard]] std::stop_token stopToken();
    void setPatient(bool patient);
    void watchSignals();  // once, before any other thread

  private:
    std::unique_ptr<engine::Engine> m_engine;
    std::mutex m_output;  // of the members below and the terminal
    engine::Progress m_last;
    double m_stageStart = 0, m_lastDraw = 0;  // seconds
    std::int64_t m_stageFirst = 0;
    bool m_progressShown = false;
    std::atomic<int> m_interrupts{0};
    std::atomic<bool> m_patient{false};
    std::stop_source m_stop;
};

// "3.4 MiB", "1:05 min", "1,234" for people.
[[nodiscard]] std::string bytesText(std::int64_t bytes);
[[nodiscard]] std::string durationText(double seconds);
[[nodiscard]] std::string countText(std::int64_t count);

// Runs the command with its options parsed; returns the exit code (0, or what Context::fail() returned).
using Action = std::function<int()>;

// One file per subcommand; it registers itself:
//
//   const Registration kInspect{"inspect", "What a model folder holds", 20, [](CLI::App& app, Context&
//   context) -> Action {
//       auto path = std::make_shared<std::string>();
//       app.add_option("MODEL", *path, "Model folder")->required();
//       return [path, &context] { ... };
//   }};
//
// A name of two words ("runs list") makes a subcommand of a group.
class Registration {
  public:
    using Define = std::function<Action(CLI::App&, Context&)>;
    Registration(const char* name, const char* summary, int order, Define define);

    struct Entry {
        std::string name, summary;
        int order = 0;  // place in --help
        Define define;
    };
    static const std::vector<Entry>& entries();
};

// The nearest of the candidates by edit distance, "" if none is near.
[[nodiscard]] std::string nearestOf(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace caravan::cli
