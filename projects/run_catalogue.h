// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/run_events.h"
#include "projects/project.h"
#include "projects/run_rows.h"

namespace caravan::projects {

struct RunSummary {
    RunRow row;
    std::filesystem::path folder;
    bool ownerAlive = false;
    std::optional<double> lastLoss, lastHeldoutMean, bestHeldoutMean;
    engine::StepIndex bestStep = 0;
    std::int64_t queuePlace = -1;  // 0 = the next to start; -1 = does not wait
};
struct SeriesPoint {
    engine::StepIndex step = 0;
    double value = 0;
};
struct DomainSeries {
    std::string domain;  // "" = mean over domains
    std::vector<SeriesPoint> points;
};
struct SettingChange {
    engine::StepIndex step = 0;
    std::string key, from, to;
};
enum class Metric {
    Loss,
    Balance,
    BalanceLoss,
    LearningRate,
    GradientNorm,
    Tokens,
    AnswerTokens,
    TokensPerSecond,
    MemoryBytes,
    Seconds
};

// Reads a project through a connection of its own: never waits for the writer (WAL). Calls block on the disk;
// any thread, one call at a time.
class RunCatalogue {
  public:
    [[nodiscard]] static engine::Result<std::unique_ptr<RunCatalogue>> open(
        const std::filesystem::path& projectFolder);

    [[nodiscard]] engine::Result<std::vector<RunSummary>> runs();           // newest first
    [[nodiscard]] engine::Result<RunSummary> run(const std::string& name);  // NotFound
    // Steps first..last, both included; at most maximum points, evenly thinned (0 = all).
    [[nodiscard]] engine::Result<std::vector<SeriesPoint>> series(const std::string& run, Metric metric,
                                                                  engine::StepIndex first,
                                                                  engine::StepIndex last,
                                                                  std::size_t maximum = 0);
    [[nodiscard]] engine::Result<std::vector<engine::StepMetrics>> steps(const std::string& run,
                                                                         engine::StepIndex first,
                                                                         engine::StepIndex last);
    [[nodiscard]] engine::Result<std::vector<engine::Evaluation>> evaluations(const std::string& run);
    [[nodiscard]] engine::Result<std::vector<engine::Sample>> samples(const std::string& run);
    // Paths absolute. present: the folder is still there (retention removes older ones).
    [[nodiscard]] engine::Result<std::vector<engine::CheckpointInfo>> checkpoints(const std::string& run,
                                                                                  bool presentOnly = true);
    [[nodiscard]] engine::Result<std::vector<engine::Alarm>> alarms(const std::string& run);
    [[nodiscard]] engine::Result<std::vector<SettingChange>> changes(const std::string& run);
    [[nodiscard]] engine::Result<std::vector<std::pair<std::string, nlohmann::json>>> models();
    [[nodiscard]] engine::Result<std::vector<Project::DataEntry>> data();

  private:
    RunCatalogue(std::filesystem::path folder, std::unique_ptr<Connection> connection);
    template <class T, class F>
    engine::Result<T> guarded(F read);
    std::filesystem::path m_folder;
    std::unique_ptr<Connection> m_connection;
    std::mutex m_mutex;
};

// Edits of a run's row that are not the owner's business. Do not block.
void setRunTitle(Project& project, const std::string& run, std::string title);
void setRunNotes(Project& project, const std::string& run, std::string notes);
void setRunTags(Project& project, const std::string& run, std::vector<std::string> tags);
// A run that was prepared but not started (state created).
void putCreatedRun(Project& project, const std::string& run, std::string recipe, engine::StepIndex steps);
// Rows and folder; refused (RunBusy) while its owner lives. Blocks.
[[nodiscard]] engine::Result<void> removeRun(Project& project, const std::string& run);

}  // namespace caravan::projects
