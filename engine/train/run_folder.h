// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/api/result.h"
#include "engine/api/routing_file.h"
#include "engine/api/run_events.h"

namespace caravan::engine::train {

// A setting changed while a run ran; in force from this step on.
struct Change {
    StepIndex step = 0;
    std::string key;  // "tune.learning_rate", "tune.balance", "tune.micro_batch_tokens"
    double from = 0, to = 0;
    friend bool operator==(const Change&, const Change&) = default;
};

// The files of a run (cli.md, "A run folder"). One owner, one thread. Errors are EngineException WriteFailed.
class RunFolder {
  public:
    explicit RunFolder(std::filesystem::path path) : m_path(std::move(path)) {}
    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }

    // A new run: the folder is made; recipe.json is written with paths relative to it. Throws AlreadyExists
    // if it holds a run.
    void create(const Recipe& recipe, const std::filesystem::path& recipeFolder);
    void writeRecipe(const Recipe& recipe);

    // Appends one line; a file whose last line is torn is put right first.
    void append(const RunEvent& event);  // metrics.jsonl; samples go to samples.jsonl too
    void log(const std::string& level, const std::string& text);
    void addChange(const Change& change);
    void openRouting(const RoutingShape& shape);
    void appendRouting(const RoutingRecord& record);
    void sync();

  private:
    void line(const char* file, const std::string& text);

    std::filesystem::path m_path;
    std::optional<RoutingFileWriter> m_routing;
};

[[nodiscard]] Recipe readRecipe(const std::filesystem::path& runFolder);
[[nodiscard]] std::vector<Change> readChanges(
    const std::filesystem::path& runFolder);  // none if there is no file
// Every path of the recipe, seen from another folder: relative where both lie in one tree, else absolute.
[[nodiscard]] Recipe rebased(const Recipe& recipe, const std::filesystem::path& from,
                             const std::filesystem::path& to);
[[nodiscard]] std::filesystem::path resolved(const std::string& path, const std::filesystem::path& folder);

}  // namespace caravan::engine::train
