// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/project.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "projects/files.h"
#include "projects/run_queue.h"
#include "projects/run_rows.h"
#include "projects/schema.h"

namespace caravan::projects {
namespace fs = std::filesystem;
using engine::EngineException;
using engine::ErrorCode;

namespace {

constexpr std::int64_t kMaxProjectFile = 64 << 20;  // bytes

nlohmann::json readProjectFile(const fs::path& folder) {
    const std::string text = readWhole(folder / "project.json", kMaxProjectFile);
    auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || json.value("caravan_project", 0) < 1)
        throw EngineException(ErrorCode::FileBad, {{"file", (folder / "project.json").string()},
                                                   {"place", "byte 0"},
                                                   {"detail", "it does not describe a project"}});
    return json;
}

// Runs whose state says that they live but whose owner does not.
std::vector<std::string> settleInterrupted(Connection& db, const fs::path& runsFolder) {
    std::vector<RunRow> dead;
    {
        Statement s = db.prepare(std::string("SELECT ") + kRunColumns +
                                 " FROM runs WHERE state IN ('loading','running','paused','stopping')");
        while (s.step()) {
            RunRow row = runRowFrom(s);
            if (!isAlive(row.owner)) dead.push_back(std::move(row));
        }
    }
    std::vector<std::string> names;
    for (const RunRow& row : dead) {
        Transaction transaction(db);
        const auto now = getRun(db, row.name);  // another process may have taken it over
        if (!now || !isLive(now->state) || isAlive(now->owner)) continue;
        importRun(db, row.name, runsFolder / row.name, false);
        mirrorRun(db, row.name, runsFolder / row.name);
        transaction.commit();
        names.push_back(row.name);
    }
    return names;
}

bool validRunName(const std::string& name) {
    return !name.empty() && name.size() <= 128 && name.front() != '.' &&
           name.find('/') == std::string::npos && name.find('@') == std::string::npos &&
           name.find('\0') == std::string::npos;
}

std::int64_t highestNumber(const fs::path& runsFolder) {
    std::int64_t highest = 0;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(runsFolder, error)) {
        const std::string name = entry.path().filename().string();
        if (name.size() <= 9 && !name.empty() &&
            std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }))
            highest = std::max<std::int64_t>(highest, std::stoll(name));
    }
    return highest;
}

}  // namespace

void changeProjectFile(const fs::path& folder, const char* key, nlohmann::json value) {
    nlohmann::json json = readProjectFile(folder);
    json[key] = std::move(value);
    writeAtomically(folder / "project.json",
                    json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

bool Project::isProject(const fs::path& folder) {
    std::error_code error;
    return fs::is_regular_file(folder / "project.json", error) ||
           fs::is_regular_file(folder / "project.db", error);
}

fs::path Project::projectOfRun(const fs::path& runFolder) {
    const fs::path run = runFolder.lexically_normal();
    const fs::path clean = run.has_filename() ? run : run.parent_path();
    if (clean.parent_path().filename() != "runs") return {};
    const fs::path folder = clean.parent_path().parent_path();
    return isProject(folder) ? folder : fs::path();
}

fs::path Project::defaultFolder() {
    if (const char* data = std::getenv("XDG_DATA_HOME"); data && *data)
        return fs::path(data) / "caravan" / "projects";
    const char* home = std::getenv("HOME");
    return fs::path(home && *home ? home : "/tmp") / ".local" / "share" / "caravan" / "projects";
}

engine::Result<std::shared_ptr<Project>> Project::create(const fs::path& folder, std::string name) {
    const auto made = attempt([&] {
        if (isProject(folder)) throw EngineException(ErrorCode::AlreadyExists, {{"path", folder.string()}});
        std::error_code error;
        fs::create_directories(folder / "runs", error);
        if (!error) fs::create_directories(folder / "chats", error);
        if (error)
            throw EngineException(ErrorCode::WriteFailed,
                                  {{"path", folder.string()}, {"bytes", "0"}, {"detail", error.message()}});
        if (name.empty()) name = fs::absolute(folder).lexically_normal().filename().string();
        const nlohmann::json json = {{"caravan_project", 1},
                                     {"name", name},
                                     {"models", nlohmann::json::array()},
                                     {"data", nlohmann::json::array()}};
        writeAtomically(folder / "project.json",
                        json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    });
    if (!made) return tl::unexpected(made.error());
    return open(folder);
}

engine::Result<std::shared_ptr<Project>> Project::open(const fs::path& folder) {
    return attempt([&] {
        std::error_code error;
        const fs::path place = fs::weakly_canonical(folder, error);
        const std::shared_ptr<Project> project(new Project);
        project->m_folder = error ? fs::absolute(folder) : place;
        if (!isProject(project->m_folder))
            throw EngineException(ErrorCode::NotFound, {{"what", "project"}, {"name", folder.string()}});
        project->m_name = readProjectFile(project->m_folder).value("name", "");
        fs::create_directories(project->runsFolder());
        fs::create_directories(project->chatsFolder());
        project->m_network = projects::onNetworkFileSystem(project->m_folder);
        const bool whole = wantsWholeCheck(project->database());
        auto connection = std::make_unique<Connection>(project->database(), Connection::Mode::Create);
        prepareConnection(*connection, project->m_network, whole);
        migrate(*connection, project->m_folder / "backups");
        project->m_interrupted = settleInterrupted(*connection, project->runsFolder());
        connection->execute(kDropStrays);
        project->m_store = std::make_unique<Store>(std::move(connection));
        return project;
    });
}

engine::Result<std::shared_ptr<Project>> Project::openOrCreate(const fs::path& folder) {
    return isProject(folder) ? open(folder) : create(folder);
}

engine::Result<std::string> Project::reserveRun(const std::string& wish) {
    if (!wish.empty() && !validRunName(wish))
        return engine::fail(ErrorCode::BadOption,
                            {{"key", "name"},
                             {"value", wish},
                             {"range", "a name without '/' and '@', not beginning with '.'"}});
    // A run in the trash keeps its number: it may come back.
    std::int64_t number =
        wish.empty() ? std::max(highestNumber(runsFolder()), highestNumber(m_folder / "trash")) : 0;
    while (true) {
        std::string name = wish;
        if (wish.empty()) {
            name = std::to_string(++number);
            if (name.size() < 4) name.insert(0, 4 - name.size(), '0');
        }
        const fs::path folder = runFolder(name);
        if (mkdir(folder.c_str(), 0755) == 0) return name;
        if (errno != EEXIST)
            return engine::fail(
                ErrorCode::WriteFailed,
                {{"path", folder.string()}, {"bytes", "0"}, {"detail", std::strerror(errno)}});
        if (!wish.empty()) return engine::fail(ErrorCode::AlreadyExists, {{"path", folder.string()}});
    }
}

void Project::setModels(std::vector<std::pair<std::string, nlohmann::json>> models) {
    m_store->post([folder = m_folder, models = std::move(models), now = nowMilliseconds()](Connection& db) {
        nlohmann::json list = nlohmann::json::array();
        db.execute("CREATE TEMP TABLE IF NOT EXISTS kept(path TEXT PRIMARY KEY, added_at INTEGER)");
        db.execute(
            "DELETE FROM kept; INSERT INTO kept SELECT path, added_at FROM models; DELETE FROM models;");
        for (const auto& [path, inspection] : models) {
            Statement known = db.prepare("SELECT added_at FROM kept WHERE path = ?");
            known.bind(1, path);
            const std::int64_t added = known.step() ? known.integer(0) : now;
            const std::string text =
                inspection.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
            db.prepare("INSERT OR REPLACE INTO models VALUES(?,?,?)").bindAll(path, text, added).run();
            list.push_back({{"path", path}, {"inspection", text}, {"added_at", added}});
        }
        changeProjectFile(folder, "models", std::move(list));
    });
}

void Project::setData(std::vector<DataEntry> files) {
    m_store->post([folder = m_folder, files = std::move(files)](Connection& db) {
        nlohmann::json list = nlohmann::json::array();
        db.execute("DELETE FROM data_files");
        std::int64_t place = 0;
        for (const DataEntry& f : files) {
            db.prepare("INSERT OR REPLACE INTO data_files VALUES(?,?,?,?,?)")
                .bindAll(f.path, f.name, f.weight, f.heldout ? 1 : 0, place)
                .run();
            list.push_back({{"path", f.path},
                            {"name", f.name},
                            {"weight", f.weight},
                            {"heldout", f.heldout},
                            {"place", place}});
            ++place;
        }
        changeProjectFile(folder, "data", std::move(list));
    });
}

}  // namespace caravan::projects
