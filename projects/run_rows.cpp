// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/run_rows.h"

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/api/event_json.h"
#include "projects/files.h"
#include "projects/layer_blobs.h"
#include "projects/metrics_file.h"

namespace caravan::projects {
namespace fs = std::filesystem;
using engine::RunState;

const char* const kRunColumns =
    "name, state, reason, step, steps, recipe, title, notes, tags, owner_kind, owner_pid, owner_start, "
    "owner_boot, "
    "created_at, started_at, changed_at, ended_at";

namespace {

constexpr std::int64_t kMaxRunFile = 8 << 20;  // bytes

// SQLite has no NaN: a loss that was not a number is stored as NULL.
void bindReal(Statement& s, int index, double value) {
    if (value != value)
        s.bindNull(index);
    else
        s.bind(index, value);
}

void putStep(Connection& db, const std::string& run, const engine::StepMetrics& m) {
    Statement s = db.prepare("INSERT OR REPLACE INTO steps VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    s.bind(1, run).bind(2, m.step);
    bindReal(s, 3, m.loss);
    bindReal(s, 4, m.balance);
    bindReal(s, 5, m.balanceLoss);
    bindReal(s, 6, m.learningRate);
    bindReal(s, 7, m.gradientNorm);
    s.bind(8, m.tokens).bind(9, m.answerTokens);
    bindReal(s, 10, m.tokensPerSecond);
    s.bind(11, m.memoryBytes);
    bindReal(s, 12, m.seconds);
    s.bind(13, m.skipped ? 1 : 0);
    s.bind(14, std::span<const std::uint8_t>(packLoad(m)));
    s.bind(15, std::span<const std::uint8_t>(packLayers(m)));
    s.run();
    db.prepare("UPDATE runs SET step = ? WHERE name = ?").bindAll(m.step, run).run();
}

void putEvaluation(Connection& db, const std::string& run, const engine::Evaluation& e) {
    db.prepare("DELETE FROM evaluations WHERE run = ? AND step = ?").bindAll(run, e.step).run();
    Statement s = db.prepare("INSERT INTO evaluations VALUES(?,?,?,?,?)");
    std::int64_t place = 0;
    for (const auto& [domain, loss] : e.heldoutLoss) {
        s.bind(1, run).bind(2, e.step).bind(3, place++).bind(4, domain);
        bindReal(s, 5, loss);
        s.run();
    }
}

void putCheckpoint(Connection& db, const std::string& run, const fs::path& runFolder,
                   const engine::CheckpointInfo& c) {
    fs::path path = c.path;
    // By name when the folder was moved since: checkpoints lie in checkpoints/ of their run.
    const fs::path relative = path.is_absolute() ? path.lexically_relative(runFolder) : path;
    if (relative.empty() || *relative.begin() == "..")
        path = fs::path("checkpoints") / path.filename();
    else
        path = relative;
    db.prepare("INSERT OR REPLACE INTO checkpoints VALUES(?,?,?,?)")
        .bindAll(run, c.step, path.string(), c.bytes)
        .run();
}

void putAlarm(Connection& db, const std::string& run, const engine::Alarm& a) {
    Statement s = db.prepare("INSERT OR REPLACE INTO alarms VALUES(?,?,?,?,?,?,?)");
    s.bind(1, run)
        .bind(2, a.step)
        .bind(3, a.kind)
        .bind(4, a.layer.value_or(-1))
        .bind(5, a.expert.value_or(-1));
    bindReal(s, 6, a.value);
    s.bind(7, a.since).run();
}

void putState(Connection& db, const std::string& run, const fs::path& runFolder,
              const engine::StateChange& change) {
    auto row = getRun(db, run);
    if (!row) return;
    const std::int64_t now = nowMilliseconds();
    row->state = change.to;
    row->reason = change.reason ? engine::toJson(*change.reason).dump() : "";
    row->changedAt = now;
    if (change.to == RunState::Running && row->startedAt == 0) row->startedAt = now;
    row->endedAt = isLive(change.to) || change.to == RunState::Created ? 0 : now;
    if (const std::string recipe = readRecipeText(runFolder); !recipe.empty()) row->recipe = recipe;
    putRun(db, *row);
    importChanges(db, run, runFolder);
    mirrorRun(db, run, runFolder);
}

void clearRun(Connection& db, const std::string& run) {
    for (const char* table : {"steps", "evaluations", "samples", "checkpoints", "alarms", "changes"})
        db.prepare(std::string("DELETE FROM ") + table + " WHERE run = ?").bindAll(run).run();
}

std::int64_t fileTime(const fs::path& file) {
    std::error_code error;
    const auto time = fs::last_write_time(file, error);
    if (error) return nowMilliseconds();
    using namespace std::chrono;
    return duration_cast<milliseconds>(file_clock::to_sys(time).time_since_epoch()).count();
}

}  // namespace

bool isLive(RunState state) {
    return state == RunState::Queued || state == RunState::Loading || state == RunState::Running ||
           state == RunState::Paused || state == RunState::Stopping;
}

void putRun(Connection& db, const RunRow& r) {
    // Not REPLACE: that would delete the run's rows in other tables.
    Statement s = db.prepare(
        "INSERT INTO runs(name, state, reason, step, steps, recipe, title, notes, tags, owner_kind, "
        "owner_pid, "
        "owner_start, owner_boot, created_at, started_at, changed_at, ended_at) "
        "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,"
        "?15,?16,?17) ON CONFLICT(name) DO UPDATE SET state=?2, reason=?3, step=?4, steps=?5, recipe=?6, "
        "title=?7, notes=?8, "
        "tags=?9, owner_kind=?10, owner_pid=?11, owner_start=?12, owner_boot=?13, created_at=?14, "
        "started_at=?15, changed_at=?16, "
        "ended_at=?17");
    s.bind(1, r.name).bind(2, engine::stateWord(r.state));
    if (r.reason.empty())
        s.bindNull(3);
    else
        s.bind(3, r.reason);
    s.bind(4, r.step).bind(5, r.steps).bind(6, r.recipe).bind(7, r.title).bind(8, r.notes);
    s.bind(9, nlohmann::json(r.tags).dump());
    s.bind(10, r.owner.kind).bind(11, r.owner.pid).bind(12, r.owner.startTime).bind(13, r.owner.bootId);
    s.bind(14, r.createdAt).bind(15, r.startedAt).bind(16, r.changedAt).bind(17, r.endedAt);
    s.run();
}

RunRow runRowFrom(Statement& s) {
    RunRow r;
    r.name = s.text(0);
    r.state = engine::stateFromWord(s.text(1)).value_or(RunState::Failed);
    r.reason = s.text(2);
    r.step = s.integer(3);
    r.steps = s.integer(4);
    r.recipe = s.text(5);
    r.title = s.text(6);
    r.notes = s.text(7);
    const auto tags = nlohmann::json::parse(s.text(8), nullptr, false);
    for (const auto& tag : tags)
        if (tag.is_string()) r.tags.push_back(tag.get<std::string>());
    r.owner = {s.text(9), s.integer(10), s.integer(11), s.text(12)};
    r.createdAt = s.integer(13);
    r.startedAt = s.integer(14);
    r.changedAt = s.integer(15);
    r.endedAt = s.integer(16);
    return r;
}

std::optional<RunRow> getRun(Connection& db, const std::string& name) {
    Statement s = db.prepare(std::string("SELECT ") + kRunColumns + " FROM runs WHERE name = ?");
    s.bind(1, name);
    if (!s.step()) return std::nullopt;
    return runRowFrom(s);
}

void applyEvent(Connection& db, const std::string& run, const fs::path& runFolder,
                const engine::RunEvent& event) {
    struct Visitor {
        Connection& db;
        const std::string& run;
        const fs::path& folder;
        void operator()(const engine::StepMetrics& e) const { putStep(db, run, e); }
        void operator()(const engine::Evaluation& e) const { putEvaluation(db, run, e); }
        void operator()(const engine::Sample& e) const {
            db.prepare("INSERT OR REPLACE INTO samples VALUES(?,?,?,?)")
                .bindAll(run, e.step, e.prompt, e.text)
                .run();
        }
        void operator()(const engine::CheckpointInfo& e) const { putCheckpoint(db, run, folder, e); }
        void operator()(const engine::Alarm& e) const { putAlarm(db, run, e); }
        void operator()(const engine::StateChange& e) const { putState(db, run, folder, e); }
        void operator()(const engine::Progress&) const {}
        void operator()(const engine::RoutingRecord&) const {}
        void operator()(const engine::LogLine&) const {}
        void operator()(const engine::RunResult&) const {}
    };
    std::visit(Visitor{db, run, runFolder}, event);
}

void importChanges(Connection& db, const std::string& run, const fs::path& runFolder) {
    std::ifstream in(runFolder / "changes.jsonl");
    std::string line;
    std::int64_t place = 0;
    while (std::getline(in, line)) {
        const auto json = nlohmann::json::parse(line, nullptr, false);
        if (!json.is_object() || !json.contains("step") || !json["step"].is_number() || !json.contains("key"))
            continue;
        const auto text = [&](const char* key) {
            if (!json.contains(key)) return std::string();
            return json[key].is_string() ? json[key].get<std::string>() : json[key].dump();
        };
        db.prepare("INSERT OR REPLACE INTO changes VALUES(?,?,?,?,?,?)")
            .bindAll(run, ++place, json["step"].get<std::int64_t>(), text("key"), text("from"), text("to"))
            .run();
    }
}

void mirrorRun(Connection& db, const std::string& run, const fs::path& runFolder) {
    const auto r = getRun(db, run);
    if (!r || !fs::is_directory(runFolder)) return;
    const nlohmann::ordered_json json = {{"state", engine::stateWord(r->state)},
                                         {"reason", r->reason},
                                         {"step", r->step},
                                         {"steps", r->steps},
                                         {"title", r->title},
                                         {"notes", r->notes},
                                         {"tags", r->tags},
                                         {"owner", nlohmann::json(r->owner)},
                                         {"created_at", r->createdAt},
                                         {"started_at", r->startedAt},
                                         {"changed_at", r->changedAt},
                                         {"ended_at", r->endedAt},
                                         {"recipe", r->recipe}};
    writeAtomically(runFolder / "run.json",
                    json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

std::optional<RunRow> readRunFile(const fs::path& runFolder, const std::string& run) {
    const auto text = attempt([&] { return readWhole(runFolder / "run.json", kMaxRunFile); });
    if (!text) return std::nullopt;
    const auto json = nlohmann::json::parse(*text, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    try {
        RunRow r;
        r.name = run;
        r.state = engine::stateFromWord(json.at("state").get<std::string>()).value_or(RunState::Interrupted);
        r.reason = json.at("reason").get<std::string>();
        r.step = json.at("step").get<std::int64_t>();
        r.steps = json.at("steps").get<std::int64_t>();
        r.title = json.at("title").get<std::string>();
        r.notes = json.at("notes").get<std::string>();
        r.tags = json.at("tags").get<std::vector<std::string>>();
        r.owner = json.at("owner").get<Owner>();
        r.createdAt = json.at("created_at").get<std::int64_t>();
        r.startedAt = json.at("started_at").get<std::int64_t>();
        r.changedAt = json.at("changed_at").get<std::int64_t>();
        r.endedAt = json.at("ended_at").get<std::int64_t>();
        r.recipe = json.at("recipe").get<std::string>();
        return r;
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
}

std::string readRecipeText(const fs::path& runFolder) {
    const auto text = attempt([&] { return readWhole(runFolder / "recipe.json", kMaxRunFile); });
    if (!text) return {};
    const auto json = nlohmann::ordered_json::parse(*text, nullptr, false);
    return json.is_object() ? json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
                            : std::string();
}

// A long run's file is not held in memory: it is read twice, in pieces.
void eachEvent(const fs::path& runFolder, const std::function<void(const engine::RunEvent&)>& each) {
    MetricsTail file(runFolder / "metrics.jsonl");
    for (;;) {
        const auto more = file.takePiece(1u << 20, [&](engine::RunEvent&& event) { each(event); });
        if (!more) throw engine::EngineException(more.error());
        if (!*more) return;
    }
}

void importRun(Connection& db, const std::string& run, const fs::path& runFolder, bool keepState) {
    auto row = readRunFile(runFolder, run);
    if (!row) row = getRun(db, run);
    if (!row) {  // a folder that was copied here, or whose run.json is damaged
        row.emplace();
        row->name = run;
        row->createdAt = row->changedAt = fileTime(runFolder / "recipe.json");
    }
    if (const std::string recipe = readRecipeText(runFolder); !recipe.empty()) row->recipe = recipe;
    std::optional<engine::StateChange> last;
    row->step = 0;
    eachEvent(runFolder, [&](const engine::RunEvent& event) {
        if (const auto* change = std::get_if<engine::StateChange>(&event)) last = *change;
        if (const auto* step = std::get_if<engine::StepMetrics>(&event)) row->step = step->step;
    });
    if (!keepState && last && (isLive(row->state) || row->state == RunState::Created)) {
        if (isLive(last->to)) {
            row->state = RunState::Interrupted;
            row->reason = engine::toJson(
                              engine::Error{engine::ErrorCode::EngineGone, {{"detail", "The process ended"}}})
                              .dump();
        } else {
            row->state = last->to;
            row->reason = last->reason ? engine::toJson(*last->reason).dump() : "";
        }
        row->endedAt = fileTime(runFolder / "metrics.jsonl");
    } else if (!keepState && isLive(row->state) && row->state != RunState::Queued) {
        row->state = RunState::Interrupted;
        row->endedAt = row->changedAt;
    }
    putRun(db, *row);
    clearRun(db, run);
    eachEvent(runFolder, [&](const engine::RunEvent& event) {
        if (!std::holds_alternative<engine::StateChange>(event)) applyEvent(db, run, runFolder, event);
    });
    importChanges(db, run, runFolder);
}

}  // namespace caravan::projects
