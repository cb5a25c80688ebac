// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/api/result.h"
#include "projects/store.h"

namespace caravan::projects {

// A folder:
//   project.json   name; models and data files once more, for a rebuild
//   project.db     SQLite (schema.h)
//   runs/NAME/     one self-contained folder per run (written by the engine), plus run.json: the run's row
//   chats/ID.jsonl conversations
//   trash/NAME/    runs that were deleted (trash.h)
//   backups/       of the database, before each migration
class Project {
  public:
    // All block on the disk; call them off a GUI thread. create(): the folder may exist but must not hold a
    // project.
    [[nodiscard]] static engine::Result<std::shared_ptr<Project>> create(const std::filesystem::path& folder,
                                                                         std::string name = "");
    // Checks the database, migrates it, and marks runs whose owner died as interrupted (after taking in what
    // their files hold beyond the database).
    [[nodiscard]] static engine::Result<std::shared_ptr<Project>> open(const std::filesystem::path& folder);
    [[nodiscard]] static engine::Result<std::shared_ptr<Project>> openOrCreate(
        const std::filesystem::path& folder);
    [[nodiscard]] static bool isProject(const std::filesystem::path& folder);
    // The project of DIR/runs/RUN: DIR, if that is one; else an empty path.
    [[nodiscard]] static std::filesystem::path projectOfRun(const std::filesystem::path& runFolder);
    [[nodiscard]] static std::filesystem::path defaultFolder();  // $XDG_DATA_HOME/caravan/projects

    [[nodiscard]] const std::filesystem::path& folder() const { return m_folder; }
    [[nodiscard]] std::filesystem::path database() const { return m_folder / "project.db"; }
    [[nodiscard]] std::filesystem::path runsFolder() const { return m_folder / "runs"; }
    [[nodiscard]] std::filesystem::path chatsFolder() const { return m_folder / "chats"; }
    [[nodiscard]] std::filesystem::path runFolder(const std::string& run) const { return runsFolder() / run; }
    [[nodiscard]] const std::string& name() const { return m_name; }
    [[nodiscard]] bool onNetworkFileSystem() const { return m_network; }
    [[nodiscard]] const std::vector<std::string>& interruptedRuns() const {
        return m_interrupted;
    }  // found by open()

    // Makes the folder runs/0001, 0002, ... and returns its name; two processes never get the same one.
    [[nodiscard]] engine::Result<std::string> reserveRun(const std::string& wish = "");

    // What the Models and Data pages show. Writing does not block; reading is RunCatalogue's (catalogue.h).
    struct DataEntry {
        std::string path, name;
        double weight = 1.0;
        bool heldout = false;
    };
    void setModels(
        std::vector<std::pair<std::string, nlohmann::json>> models);  // path, inspection; replaces the list
    void setData(std::vector<DataEntry> files);                       // replaces the list

    [[nodiscard]] Store& store() { return *m_store; }

  private:
    Project() = default;
    std::filesystem::path m_folder;
    std::string m_name;
    bool m_network = false;
    std::vector<std::string> m_interrupted;
    std::unique_ptr<Store> m_store;
};

// Keys of project.json change one at a time, on the writer thread.
void changeProjectFile(const std::filesystem::path& folder, const char* key, nlohmann::json value);

}  // namespace caravan::projects
