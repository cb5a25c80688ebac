// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/run_catalogue.h"

#include <limits>

#include "projects/files.h"
#include "projects/layer_blobs.h"

namespace caravan::projects {
namespace fs = std::filesystem;
using engine::EngineException;
using engine::ErrorCode;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

const char* columnOf(Metric metric) {
    switch (metric) {
        case Metric::Loss:
            return "loss";
        case Metric::Balance:
            return "balance";
        case Metric::BalanceLoss:
            return "balance_loss";
        case Metric::LearningRate:
            return "learning_rate";
        case Metric::GradientNorm:
            return "gradient_norm";
        case Metric::Tokens:
            return "tokens";
        case Metric::AnswerTokens:
            return "answer_tokens";
        case Metric::TokensPerSecond:
            return "tokens_per_second";
        case Metric::MemoryBytes:
            return "memory_bytes";
        case Metric::Seconds:
            return "seconds";
    }
    return "loss";
}

double realOrNan(const Statement& s, int column) {
    return s.isNull(column) ? kNan : s.real(column);
}

// Mean over domains of each evaluation, newest last.
std::vector<SeriesPoint> heldoutMeans(Connection& db, const std::string& run) {
    std::vector<SeriesPoint> means;
    Statement s = db.prepare(
        "SELECT step, avg(heldout_loss) FROM evaluations WHERE run = ? GROUP BY step ORDER BY step");
    s.bind(1, run);
    while (s.step())
        means.push_back({s.integer(0), realOrNan(s, 1)});
    return means;
}

RunSummary summaryOf(Connection& db, RunRow row, const fs::path& project) {
    RunSummary summary;
    summary.folder = project / "runs" / row.name;
    summary.ownerAlive = isLive(row.state) && isAlive(row.owner);
    Statement loss = db.prepare("SELECT loss FROM steps WHERE run = ? ORDER BY step DESC LIMIT 1");
    loss.bind(1, row.name);
    if (loss.step() && !loss.isNull(0)) summary.lastLoss = loss.real(0);
    for (const auto& [step, mean] : heldoutMeans(db, row.name)) {
        summary.lastHeldoutMean = mean;
        if (!summary.bestHeldoutMean || mean < *summary.bestHeldoutMean) {
            summary.bestHeldoutMean = mean;
            summary.bestStep = step;
        }
    }
    summary.row = std::move(row);
    return summary;
}

engine::StepMetrics metricsFrom(const Statement& s) {
    engine::StepMetrics m;
    m.step = s.integer(0);
    m.loss = realOrNan(s, 1);
    m.balance = realOrNan(s, 2);
    m.balanceLoss = realOrNan(s, 3);
    m.learningRate = realOrNan(s, 4);
    m.gradientNorm = realOrNan(s, 5);
    m.tokens = s.integer(6);
    m.answerTokens = s.integer(7);
    m.tokensPerSecond = realOrNan(s, 8);
    m.memoryBytes = s.integer(9);
    m.seconds = realOrNan(s, 10);
    m.skipped = s.integer(11) != 0;
    unpackLoad(s.blob(12), m);
    unpackLayers(s.blob(13), m);
    return m;
}

}  // namespace

RunCatalogue::RunCatalogue(fs::path folder, std::unique_ptr<Connection> connection)
    : m_folder(std::move(folder)), m_connection(std::move(connection)) {}

engine::Result<std::unique_ptr<RunCatalogue>> RunCatalogue::open(const fs::path& projectFolder) {
    return attempt([&] {
        auto connection =
            std::make_unique<Connection>(projectFolder / "project.db", Connection::Mode::ReadOnly);
        connection->execute("PRAGMA query_only = ON");
        return std::unique_ptr<RunCatalogue>(new RunCatalogue(projectFolder, std::move(connection)));
    });
}

template <class T, class F>
engine::Result<T> RunCatalogue::guarded(F read) {
    const std::lock_guard lock(m_mutex);
    return attempt([&]() -> T { return read(*m_connection); });
}

engine::Result<std::vector<RunSummary>> RunCatalogue::runs() {
    return guarded<std::vector<RunSummary>>([&](Connection& db) {
        std::vector<RunSummary> runs;
        Statement s = db.prepare(std::string("SELECT ") + kRunColumns +
                                 " FROM runs ORDER BY created_at DESC, name DESC");
        while (s.step())
            runs.push_back(summaryOf(db, runRowFrom(s), m_folder));
        std::int64_t place = 0;
        Statement queue = db.prepare("SELECT run FROM queue ORDER BY place");
        while (queue.step()) {
            const std::string name = queue.text(0);
            for (RunSummary& run : runs)
                if (run.row.name == name) run.queuePlace = place;
            ++place;
        }
        return runs;
    });
}

engine::Result<RunSummary> RunCatalogue::run(const std::string& name) {
    return guarded<RunSummary>([&](Connection& db) {
        auto row = getRun(db, name);
        if (!row) throw EngineException(ErrorCode::NotFound, {{"what", "run"}, {"name", name}});
        return summaryOf(db, std::move(*row), m_folder);
    });
}

engine::Result<std::vector<SeriesPoint>> RunCatalogue::series(const std::string& run, Metric metric,
                                                              engine::StepIndex first, engine::StepIndex last,
                                                              std::size_t maximum) {
    return guarded<std::vector<SeriesPoint>>([&](Connection& db) {
        const std::string where = " FROM steps WHERE run = ? AND step BETWEEN ? AND ?";
        std::int64_t stride = 1;
        if (maximum > 0) {
            Statement count = db.prepare("SELECT count(*)" + where);
            count.bindAll(run, first, last);
            if (count.step())
                stride =
                    std::max<std::int64_t>(1, (count.integer(0) + static_cast<std::int64_t>(maximum) - 1) /
                                                  static_cast<std::int64_t>(maximum));
        }
        std::vector<SeriesPoint> points;
        Statement s = db.prepare(std::string("SELECT step, ") + columnOf(metric) + where + " ORDER BY step");
        s.bindAll(run, first, last);
        for (std::int64_t i = 0; s.step(); ++i)
            if (i % stride == 0) points.push_back({s.integer(0), realOrNan(s, 1)});
        return points;
    });
}

engine::Result<std::vector<engine::StepMetrics>> RunCatalogue::steps(const std::string& run,
                                                                     engine::StepIndex first,
                                                                     engine::StepIndex last) {
    return guarded<std::vector<engine::StepMetrics>>([&](Connection& db) {
        std::vector<engine::StepMetrics> steps;
        Statement s = db.prepare(
            "SELECT step, loss, balance, balance_loss, learning_rate, gradient_norm, tokens, answer_tokens, "
            "tokens_per_second, "
            "memory_bytes, seconds, skipped, load, layers FROM steps WHERE run = ? AND step BETWEEN ? AND ? "
            "ORDER BY step");
        s.bindAll(run, first, last);
        while (s.step())
            steps.push_back(metricsFrom(s));
        return steps;
    });
}

engine::Result<std::vector<engine::Evaluation>> RunCatalogue::evaluations(const std::string& run) {
    return guarded<std::vector<engine::Evaluation>>([&](Connection& db) {
        std::vector<engine::Evaluation> found;
        Statement s = db.prepare(
            "SELECT step, domain, heldout_loss FROM evaluations WHERE run = ? ORDER BY step, place");
        s.bind(1, run);
        while (s.step()) {
            if (found.empty() || found.back().step != s.integer(0)) found.push_back({s.integer(0), {}, 0});
            found.back().heldoutLoss.emplace_back(s.text(1), realOrNan(s, 2));
        }
        for (auto& e : found) {
            for (const auto& [domain, loss] : e.heldoutLoss)
                e.mean += loss;
            e.mean /= static_cast<double>(e.heldoutLoss.size());
        }
        return found;
    });
}

engine::Result<std::vector<engine::Sample>> RunCatalogue::samples(const std::string& run) {
    return guarded<std::vector<engine::Sample>>([&](Connection& db) {
        std::vector<engine::Sample> found;
        Statement s =
            db.prepare("SELECT step, prompt, text FROM samples WHERE run = ? ORDER BY step, prompt");
        s.bind(1, run);
        while (s.step())
            found.push_back({s.integer(0), s.text(1), s.text(2)});
        return found;
    });
}

engine::Result<std::vector<engine::CheckpointInfo>> RunCatalogue::checkpoints(const std::string& run,
                                                                              bool presentOnly) {
    return guarded<std::vector<engine::CheckpointInfo>>([&](Connection& db) {
        std::vector<engine::CheckpointInfo> found;
        Statement s = db.prepare("SELECT step, path, bytes FROM checkpoints WHERE run = ? ORDER BY step");
        s.bind(1, run);
        while (s.step()) {
            const fs::path path = m_folder / "runs" / run / s.text(1);
            std::error_code error;
            if (presentOnly && !fs::is_regular_file(path / "manifest.json", error)) continue;
            found.push_back({s.integer(0), path.string(), s.integer(2)});
        }
        return found;
    });
}

engine::Result<std::vector<engine::Alarm>> RunCatalogue::alarms(const std::string& run) {
    return guarded<std::vector<engine::Alarm>>([&](Connection& db) {
        std::vector<engine::Alarm> found;
        Statement s = db.prepare(
            "SELECT step, kind, layer, expert, value, since FROM alarms WHERE run = ? ORDER BY step, kind, "
            "layer, expert");
        s.bind(1, run);
        while (s.step()) {
            engine::Alarm a;
            a.step = s.integer(0);
            a.kind = s.text(1);
            if (s.integer(2) >= 0) a.layer = s.integer(2);
            if (s.integer(3) >= 0) a.expert = s.integer(3);
            a.value = realOrNan(s, 4);
            a.since = s.integer(5);
            found.push_back(std::move(a));
        }
        return found;
    });
}

engine::Result<std::vector<SettingChange>> RunCatalogue::changes(const std::string& run) {
    return guarded<std::vector<SettingChange>>([&](Connection& db) {
        std::vector<SettingChange> found;
        Statement s =
            db.prepare("SELECT step, key, value_from, value_to FROM changes WHERE run = ? ORDER BY place");
        s.bind(1, run);
        while (s.step())
            found.push_back({s.integer(0), s.text(1), s.text(2), s.text(3)});
        return found;
    });
}

engine::Result<std::vector<std::pair<std::string, nlohmann::json>>> RunCatalogue::models() {
    return guarded<std::vector<std::pair<std::string, nlohmann::json>>>([&](Connection& db) {
        std::vector<std::pair<std::string, nlohmann::json>> found;
        Statement s = db.prepare("SELECT path, inspection FROM models ORDER BY added_at, path");
        while (s.step())
            found.emplace_back(s.text(0), nlohmann::json::parse(s.text(1), nullptr, false));
        return found;
    });
}

engine::Result<std::vector<Project::DataEntry>> RunCatalogue::data() {
    return guarded<std::vector<Project::DataEntry>>([&](Connection& db) {
        std::vector<Project::DataEntry> found;
        Statement s = db.prepare("SELECT path, name, weight, heldout FROM data_files ORDER BY place");
        while (s.step())
            found.push_back({s.text(0), s.text(1), s.real(2), s.integer(3) != 0});
        return found;
    });
}

namespace {

template <class F>
void edit(Project& project, const std::string& run, F change) {
    project.store().post(
        [run, folder = project.runFolder(run), change = std::move(change)](Connection& db) {
            auto row = getRun(db, run);
            if (!row) return;
            change(*row);
            putRun(db, *row);
            mirrorRun(db, run, folder);
        },
        Store::Urgency::Now);
}

}  // namespace

void setRunTitle(Project& project, const std::string& run, std::string title) {
    edit(project, run, [title = std::move(title)](RunRow& row) { row.title = title; });
}
void setRunNotes(Project& project, const std::string& run, std::string notes) {
    edit(project, run, [notes = std::move(notes)](RunRow& row) { row.notes = notes; });
}
void setRunTags(Project& project, const std::string& run, std::vector<std::string> tags) {
    edit(project, run, [tags = std::move(tags)](RunRow& row) { row.tags = tags; });
}

void putCreatedRun(Project& project, const std::string& run, std::string recipe, engine::StepIndex steps) {
    project.store().post(
        [run, folder = project.runFolder(run), recipe = std::move(recipe), steps](Connection& db) {
            RunRow row;
            row.name = run;
            row.recipe = recipe;
            row.steps = steps;
            row.createdAt = row.changedAt = nowMilliseconds();
            putRun(db, row);
            mirrorRun(db, run, folder);
        },
        Store::Urgency::Now);
}

engine::Result<void> removeRun(Project& project, const std::string& run) {
    const auto removed = project.store().execute([&](Connection& db) {
        const auto row = getRun(db, run);
        if (!row) throw EngineException(ErrorCode::NotFound, {{"what", "run"}, {"name", run}});
        if (isLive(row->state) && isAlive(row->owner))
            throw EngineException(ErrorCode::RunBusy, {{"run", run}});
        db.prepare("DELETE FROM runs WHERE name = ?").bindAll(run).run();
    });
    if (!removed) return removed;
    return attempt([&] { fs::remove_all(project.runFolder(run)); });
}

}  // namespace caravan::projects
