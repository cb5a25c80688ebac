// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/rebuild.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "projects/chat_archive.h"
#include "projects/files.h"
#include "projects/project.h"
#include "projects/run_queue.h"
#include "projects/run_rows.h"
#include "projects/schema.h"

namespace caravan::projects {
namespace fs = std::filesystem;
using engine::EngineException;
using engine::ErrorCode;
using nlohmann::json;

namespace {

// Parents before their children.
constexpr std::array kTables = {"runs",   "steps",      "evaluations", "samples",  "checkpoints",
                                "alarms", "changes",    "chats",       "messages", "tokens",
                                "votes",  "data_files", "models",      "queue"};
constexpr std::size_t kMaxDifferences = 20;
constexpr std::int64_t kMaxChat = std::int64_t{1} << 30;  // bytes

std::string worded(const engine::Error& error) {
    std::string text;
    for (const auto& [key, value] : error.parameters)
        text += (text.empty() ? "" : ", ") + value;
    return text;
}

std::vector<fs::path> sortedEntries(const fs::path& folder) {
    std::vector<fs::path> entries;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error))
        entries.push_back(entry.path());
    std::sort(entries.begin(), entries.end());
    return entries;
}

bool looksLikeRun(const fs::path& folder) {
    std::error_code error;
    return fs::is_directory(folder, error) &&
           (fs::exists(folder / "recipe.json", error) || fs::exists(folder / "metrics.jsonl", error) ||
            fs::exists(folder / "run.json", error));
}

void importRuns(Connection& db, const fs::path& project, RebuildReport& report) {
    for (const fs::path& folder : sortedEntries(project / "runs")) {
        if (!looksLikeRun(folder)) continue;
        const std::string name = folder.filename().string();
        const auto row = readRunFile(folder, name);
        if (row && isLive(row->state) && isAlive(row->owner))
            throw EngineException(ErrorCode::RunBusy, {{"run", folder.string()}});
        const auto done = attempt([&] {
            Transaction transaction(db);
            importRun(db, name, folder, false);
            transaction.commit();
        });
        if (!done) report.unreadable.push_back(worded(done.error()));
    }
}

void importChat(Connection& db, const fs::path& file) {
    const std::string chat = file.stem().string();
    const std::string text = readWhole(file, kMaxChat);
    Transaction transaction(db);
    std::size_t start = 0, end = 0;
    while ((end = text.find('\n', start)) != std::string::npos) {
        const auto line = json::parse(std::string_view(text).substr(start, end - start), nullptr, false);
        start = end + 1;
        if (line.is_discarded()) continue;  // torn by a power loss; the next line begins anew
        try {
            applyChatLine(db, chat, line);
        } catch (const json::exception&) {
            continue;
        }
    }
    transaction.commit();
}

void importChats(Connection& db, const fs::path& project, RebuildReport& report) {
    for (const fs::path& file : sortedEntries(project / "chats")) {
        if (file.extension() != ".jsonl") continue;
        const auto done = attempt([&] { importChat(db, file); });
        if (!done) report.unreadable.push_back(worded(done.error()));
    }
}

void importLists(Connection& db, const fs::path& project, RebuildReport& report) {
    const auto done = attempt([&] {
        const json all = json::parse(readWhole(project / "project.json", 64 << 20));
        Transaction transaction(db);
        for (const auto& f : all.value("data", json::array()))
            db.prepare("INSERT OR REPLACE INTO data_files VALUES(?,?,?,?,?)")
                .bindAll(f.at("path").get<std::string>(), f.at("name").get<std::string>(),
                         f.at("weight").get<double>(), f.at("heldout").get<bool>() ? 1 : 0,
                         f.at("place").get<std::int64_t>())
                .run();
        for (const auto& m : all.value("models", json::array()))
            db.prepare("INSERT OR REPLACE INTO models VALUES(?,?,?)")
                .bindAll(m.at("path").get<std::string>(), m.at("inspection").get<std::string>(),
                         m.at("added_at").get<std::int64_t>())
                .run();
        std::int64_t place = 0;
        for (const auto& run : all.value("queue", json::array()))
            db.prepare(
                  "INSERT OR REPLACE INTO queue SELECT name, ? FROM runs WHERE name = ? AND state = 'queued'")
                .bindAll(place++, run.get<std::string>())
                .run();
        db.execute(kDropStrays);
        transaction.commit();
    });
    if (!done) report.unreadable.push_back(worded(done.error()));
}

std::string columnsOf(Connection& db, const std::string& table) {
    std::string columns;
    Statement s = db.prepare("SELECT name FROM pragma_table_info(?)");
    s.bind(1, table);
    while (s.step())
        columns += (columns.empty() ? "" : ", ") + s.text(0);
    return columns;
}

void compareTable(Connection& db, const std::string& table, std::vector<std::string>& differences) {
    const std::string columns = columnsOf(db, table);
    const std::string key = table == "runs" ? "name" : columns.substr(0, columns.find(", "));
    const auto oneSided = [&](const std::string& a, const std::string& b, const char* side) {
        Statement s = db.prepare(fmt::format(
            "SELECT {0} FROM (SELECT {1} FROM {2}.{4} EXCEPT SELECT {1} FROM {3}.{4}) LIMIT 21",
            table == "steps" || table == "evaluations" || table == "samples" || table == "checkpoints"
                ? "run || ' ' || step"
                : key,
            columns, a, b, table));
        while (s.step() && differences.size() < kMaxDifferences)
            differences.push_back(fmt::format("{} {}: {}", table, s.text(0), side));
    };
    oneSided("main", "other", "only so in the first");
    oneSided("other", "main", "only so in the second");
}

std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text)
        out += c == '\'' ? std::string("''") : std::string(1, c);
    return out + "'";
}

std::vector<std::string> differencesOf(const fs::path& first, const fs::path& second) {
    Connection db(first, Connection::Mode::ReadWrite);
    db.execute("ATTACH " + quoted(second.string()) + " AS other");
    std::vector<std::string> differences;
    for (const char* table : kTables)
        compareTable(db, table, differences);
    return differences;
}

// The rebuilt rows into the database that others may have open.
void replaceRows(const fs::path& database, const fs::path& rebuilt) {
    Connection db(database, Connection::Mode::ReadWrite);
    db.execute("ATTACH " + quoted(rebuilt.string()) + " AS rebuilt");
    db.execute("PRAGMA foreign_keys = OFF");
    Transaction transaction(db);
    for (const char* table : kTables) {
        const std::string columns = columnsOf(db, table);
        db.execute(fmt::format("DELETE FROM main.{}", table));
        db.execute(fmt::format("INSERT INTO main.{0}({1}) SELECT {1} FROM rebuilt.{0}", table, columns));
    }
    transaction.commit();
}

void moveAside(const fs::path& project) {
    fs::create_directories(project / "backups");
    const auto target = project / "backups" / fmt::format("project-damaged-{}.db", nowMilliseconds());
    if (fs::exists(project / "project.db")) fs::rename(project / "project.db", target);
    for (const char* tail : {"-wal", "-shm", "-journal"})
        fs::remove(project / (std::string("project.db") + tail));
}

RebuildReport rebuildInto(const fs::path& project, const fs::path& fresh) {
    RebuildReport report;
    for (const char* tail : {"", "-wal", "-shm", "-journal"})
        fs::remove(fresh.string() + tail);
    // The old database first: opening it settles runs whose owner died.
    report.hadDatabase = fs::exists(project / "project.db") && Project::open(project).has_value();
    {
        Connection db(fresh, Connection::Mode::Create);
        db.execute("PRAGMA foreign_keys = ON; PRAGMA journal_mode = DELETE;");
        migrate(db, project / "backups");
        importRuns(db, project, report);
        importChats(db, project, report);
        importLists(db, project, report);
        for (const char* table : kTables)
            report.rows[table] = db.scalar(std::string("SELECT count(*) FROM ") + table);
    }
    if (report.hadDatabase) {
        report.differences = differencesOf(project / "project.db", fresh);
        replaceRows(project / "project.db", fresh);
        fs::remove(fresh);
    } else {
        moveAside(project);
        fs::rename(fresh, project / "project.db");
    }
    return report;
}

}  // namespace

engine::Result<RebuildReport> rebuild(const fs::path& projectFolder) {
    return attempt([&] {
        if (!Project::isProject(projectFolder) && !fs::is_directory(projectFolder / "runs"))
            throw EngineException(ErrorCode::NotFound,
                                  {{"what", "project"}, {"name", projectFolder.string()}});
        if (!fs::exists(projectFolder / "project.json"))
            writeAtomically(projectFolder / "project.json",
                            json{{"caravan_project", 1},
                                 {"name", fs::absolute(projectFolder).lexically_normal().filename().string()}}
                                    .dump(1) +
                                "\n");
        return rebuildInto(projectFolder, projectFolder / fmt::format("project.db.rebuilt{}", getpid()));
    });
}

engine::Result<std::vector<std::string>> compareDatabases(const fs::path& first, const fs::path& second) {
    return attempt([&] { return differencesOf(first, second); });
}

}  // namespace caravan::projects
