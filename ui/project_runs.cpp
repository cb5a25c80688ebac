// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The runs of the open project.
#include <QDir>
#include <QUndoCommand>

#include "engine/api/config/descriptors.h"
#include "engine/api/event_json.h"
#include "projects/project.h"
#include "projects/recipe_file.h"
#include "projects/run_catalogue.h"
#include "projects/run_import.h"
#include "projects/run_queue.h"
#include "projects/trash.h"
#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/project_context.h"

namespace caravan::ui {
namespace {

std::string titleOf(const engine::Recipe& recipe) {
    const std::string base = std::filesystem::path(recipe.model.path).filename().string();
    if (recipe.upcycle.method == engine::UpcycleMethod::None) return base + "-qlora";
    return base + "-pesc-" + std::to_string(recipe.upcycle.experts) + "x" +
           std::to_string(recipe.upcycle.topK);
}

RunEntry entryOf(const projects::RunSummary& summary) {
    RunEntry entry;
    entry.id = QString::fromStdString(summary.row.name);
    entry.folder = QString::fromStdString(summary.folder.string());
    entry.state = summary.row.state;
    entry.queuePlace = static_cast<int>(summary.queuePlace);
    if (entry.state != engine::RunState::Queued && projects::isLive(entry.state) && !summary.ownerAlive)
        entry.state = engine::RunState::Interrupted;
    entry.step = summary.row.step;
    entry.steps = summary.row.steps;
    const auto json = nlohmann::json::parse(summary.row.recipe, nullptr, false);
    if (json.is_object())
        if (auto recipe = engine::recipeFromJson(json)) {
            projects::makePathsAbsolute(*recipe, summary.folder);
            entry.recipe = *recipe;
        }
    entry.title = QString::fromStdString(summary.row.title);
    if (entry.title.isEmpty())
        entry.title =
            entry.recipe.model.path.empty() ? entry.id : QString::fromStdString(titleOf(entry.recipe));
    if (!summary.row.reason.empty()) {
        const auto reason = nlohmann::json::parse(summary.row.reason, nullptr, false);
        if (reason.is_object()) entry.reason = engine::errorFromJson(reason);
    }
    entry.note = QString::fromStdString(summary.row.notes);
    for (const std::string& tag : summary.row.tags)
        entry.tags << QString::fromStdString(tag);
    entry.heldout = summary.lastHeldoutMean;
    entry.bestHeldout = summary.bestHeldoutMean;
    entry.bestStep = summary.bestStep;
    entry.created = QDateTime::fromMSecsSinceEpoch(summary.row.createdAt);
    return entry;
}

// A word of a run in the list, written now and written back by undo.
template <class T>
class RunWordCommand : public QUndoCommand {
  public:
    RunWordCommand(const QString& text, T before, T after, std::function<void(const T&)> write)
        : QUndoCommand(text),
          m_before(std::move(before)),
          m_after(std::move(after)),
          m_write(std::move(write)) {}
    void redo() override { m_write(m_after); }
    void undo() override { m_write(m_before); }

  private:
    T m_before, m_after;
    std::function<void(const T&)> m_write;
};

}  // namespace

const RunEntry* ProjectContext::run(const QString& idOrFolder) const {
    for (const RunEntry& entry : m_runs)
        if (entry.id == idOrFolder || entry.folder == idOrFolder) return &entry;
    return nullptr;
}

void ProjectContext::selectRun(const QString& id) {
    const RunEntry* entry = run(id);
    const QString chosen = entry ? entry->id : id;
    if (m_selectedRun == chosen) return;
    m_selectedRun = chosen;
    Q_EMIT selectedRunChanged(chosen);
}

void ProjectContext::refreshRuns() {
    inProject<RunList>(
        this, [](ProjectStore& store) { return store.catalogue->runs(); },
        [this](const RunList& runs) { takeRuns(runs); });
}

void ProjectContext::takeRuns(const RunList& runs) {
    if (!runs) {
        Q_EMIT failed(runs.error());
        return;
    }
    m_runs.clear();
    for (const projects::RunSummary& summary : *runs)
        m_runs << entryOf(summary);
    for (RunEntry& entry : m_runs) {
        if (entry.steps <= 0) entry.steps = entry.recipe.tune.steps.value_or(m_steps.value(entry.folder, 0));
        if (entry.steps <= 0 && entry.state != engine::RunState::Created &&
            entry.state != engine::RunState::Queued)
            askSteps(entry.folder, entry.recipe);
        // the engine knows better than the database, which is written a little later
        if (!m_controller || entry.folder != m_controller->live().folder) continue;
        entry.state = m_controller->live().state;
        entry.step = std::max(entry.step, m_controller->live().step);
        m_controller->setSteps(entry.folder, entry.steps);
        if (m_controller->live().lastCheckpoint < 0) findCheckpoint(entry);
    }
    Q_EMIT runsChanged();
    if (run(m_selectedRun) == nullptr && !m_runs.isEmpty()) selectRun(m_runs.first().id);
}

// After the window attached to a run that was on before: its checkpoints are on disk.
void ProjectContext::findCheckpoint(const RunEntry& entry) {
    using Outcome = engine::Result<std::vector<engine::CheckpointInfo>>;
    inProject<Outcome>(
        this, [id = entry.id.toStdString()](ProjectStore& store) { return store.catalogue->checkpoints(id); },
        [this, folder = entry.folder](const Outcome& checkpoints) {
            if (!checkpoints || !m_controller) return;
            for (const engine::CheckpointInfo& checkpoint : *checkpoints)
                m_controller->setLastCheckpoint(folder, checkpoint.step);
        });
}

void ProjectContext::createRun(QObject* context, std::function<void(const engine::Result<QString>&)> done) {
    struct Made {
        QString id;
        RunList runs;  // with it: who is told of the run finds it in the list
    };
    using Outcome = engine::Result<Made>;
    inProject<Outcome>(
        this,
        [recipe = m_recipe](ProjectStore& store) -> Outcome {
            engine::Recipe absolute = recipe;
            projects::makePathsAbsolute(absolute, store.project->folder());
            auto name = store.project->reserveRun();
            if (!name) return tl::unexpected(name.error());
            projects::putCreatedRun(*store.project, *name, engine::recipeToJson(absolute).dump(), 0);
            projects::setRunTitle(*store.project, *name, titleOf(recipe));
            if (auto flushed = store.project->store().flush(); !flushed)
                return tl::unexpected(flushed.error());
            return Made{QString::fromStdString(*name), store.catalogue->runs()};
        },
        [this, context = QPointer<QObject>(context), done = std::move(done)](const Outcome& made) {
            const auto created = made.map([](const Made& run) { return run.id; });
            if (!made) {
                Q_EMIT failed(made.error());
                if (context) done(created);
                return;
            }
            m_selectedRun = *created;
            takeRuns(made->runs);
            Q_EMIT selectedRunChanged(*created);
            if (context) done(created);
        });
}

// Settings of the run as it was created, data and training of the draft; paths absolute.
engine::Recipe ProjectContext::recipeOf(const RunEntry* run) const {
    engine::Recipe recipe = m_recipe;
    if (run) {
        recipe.model = run->recipe.model;
        recipe.upcycle = run->recipe.upcycle;
    }
    projects::makePathsAbsolute(recipe, m_folder.toStdString());
    return recipe;
}

void ProjectContext::startRun(const QString& id) {
    const engine::Recipe recipe = recipeOf(run(id));
    const QString folder = QDir(m_folder).filePath(QStringLiteral("runs/") + id);
    selectRun(id);
    m_controller->start(recipe, m_folder, folder, 0);
    m_steps.remove(folder);
    askSteps(folder, recipe);
}

template <class F>
void ProjectContext::editRun(const QString& id, F edit) {
    inProject<bool>(
        this,
        [name = id.toStdString(), edit](ProjectStore& store) {
            edit(*store.project, name);
            return store.project->store().flush().has_value();
        },
        [this](const bool&) { refreshRuns(); });
}

void ProjectContext::changeRuns(std::function<engine::Result<void>(projects::Project&)> change) {
    using Outcome = engine::Result<void>;
    inProject<Outcome>(
        this, [change = std::move(change)](ProjectStore& store) { return change(*store.project); },
        [this](const Outcome& done) {
            if (!done) Q_EMIT failed(done.error());
            refreshRuns();
        });
}

void ProjectContext::queueRun(const QString& id) {
    const RunEntry* entry = run(id);
    const bool whole = entry != nullptr && !entry->recipe.data.files.empty();
    const std::string recipe = whole ? std::string() : engine::recipeToJson(recipeOf(entry)).dump();
    changeRuns([name = id.toStdString(), recipe](projects::Project& project) {
        return projects::queueRun(project, name, recipe);
    });
}

void ProjectContext::unqueueRun(const QString& id) {
    changeRuns([name = id.toStdString()](projects::Project& project) {
        return projects::unqueueRun(project, name);
    });
}

void ProjectContext::moveQueuedRun(const QString& id, int place) {
    changeRuns([name = id.toStdString(), place](projects::Project& project) {
        return projects::moveQueuedRun(project, name, place);
    });
}

void ProjectContext::startQueue() {
    m_engine->request("queue.start", {{"project", m_folder.toStdString()}}, this,
                      [this](const engine::Result<nlohmann::json>& result) {
                          if (!result) Q_EMIT failed(result.error());
                      });
}

void ProjectContext::importRun(const QString& folder) {
    using Outcome = engine::Result<std::string>;
    inProject<Outcome>(
        this,
        [path = std::filesystem::path(folder.toStdString())](ProjectStore& store) {
            return projects::importRunFolder(*store.project, path);
        },
        [this](const Outcome& name) {
            if (!name) Q_EMIT failed(name.error());
            refreshRuns();
        });
}

void ProjectContext::renameRun(const QString& id, const QString& title) {
    const RunEntry* entry = run(id);
    const QString text = title.trimmed();
    if (entry == nullptr || entry->title == text) return;
    const auto write = [this, id](const QString& name) {
        for (RunEntry& each : m_runs)
            if (each.id == id) each.title = name;
        editRun(id, [name = name.toStdString()](projects::Project& project, const std::string& run) {
            projects::setRunTitle(project, run, name);
        });
    };
    m_undo.push(new RunWordCommand<QString>(tr("Rename %1").arg(entry->title), entry->title, text, write));
}

void ProjectContext::setRunNote(const QString& id, const QString& note) {
    const RunEntry* entry = run(id);
    const QString text = note.trimmed();
    if (entry == nullptr || entry->note == text) return;
    const auto write = [this, id](const QString& words) {
        for (RunEntry& each : m_runs)
            if (each.id == id) each.note = words;
        editRun(id, [words = words.toStdString()](projects::Project& project, const std::string& run) {
            projects::setRunNotes(project, run, words);
        });
    };
    m_undo.push(new RunWordCommand<QString>(tr("Note of %1").arg(entry->title), entry->note, text, write));
}

void ProjectContext::setRunTags(const QString& id, const QStringList& tags) {
    const RunEntry* entry = run(id);
    QStringList list;
    for (const QString& tag : tags)
        if (const QString text = tag.trimmed(); !text.isEmpty()) list << text;
    if (entry == nullptr || entry->tags == list) return;
    const auto write = [this, id](const QStringList& words) {
        std::vector<std::string> plain;
        for (const QString& word : words)
            plain.push_back(word.toStdString());
        for (RunEntry& each : m_runs)
            if (each.id == id) each.tags = words;
        editRun(id, [plain](projects::Project& project, const std::string& run) {
            projects::setRunTags(project, run, plain);
        });
    };
    m_undo.push(
        new RunWordCommand<QStringList>(tr("Tags of %1").arg(entry->title), entry->tags, list, write));
}

// Undo puts the run back: its folder only moved.
class ProjectContext::TrashCommand : public QUndoCommand {
  public:
    TrashCommand(ProjectContext* project, const RunEntry& run)
        : QUndoCommand(ProjectContext::tr("Delete %1").arg(run.title)), m_project(project), m_id(run.id) {}
    void redo() override { m_project->moveRun(m_id, true); }
    void undo() override { m_project->moveRun(m_id, false); }

  private:
    ProjectContext* m_project;
    QString m_id;
};

void ProjectContext::trashRun(const QString& id) {
    if (const RunEntry* entry = run(id)) m_undo.push(new TrashCommand(this, *entry));
}

void ProjectContext::moveRun(const QString& id, bool away) {
    using Outcome = engine::Result<void>;
    inProject<Outcome>(
        this,
        [name = id.toStdString(), away](ProjectStore& store) {
            return away ? projects::trashRun(*store.project, name)
                        : projects::restoreRun(*store.project, name);
        },
        [this, id, away](const Outcome& moved) {
            if (!moved) Q_EMIT failed(moved.error());
            if (moved && away && m_selectedRun == id) m_selectedRun.clear();
            refreshRuns();
        });
}

// The number of steps follows from the data, which only the engine reads.
void ProjectContext::askSteps(const QString& runFolder, const engine::Recipe& recipe) {
    if (m_steps.contains(runFolder) || recipe.data.files.empty()) return;
    m_steps.insert(runFolder, 0);
    m_engine->request("plan", {{"recipe", engine::recipeToJson(recipe)}, {"folder", m_folder.toStdString()}},
                      this, [this, runFolder](const engine::Result<nlohmann::json>& result) {
                          if (!result || !result->contains("plan")) {
                              m_steps.remove(runFolder);
                              return;
                          }
                          const auto steps = (*result)["plan"].value("steps", std::int64_t(0));
                          m_steps[runFolder] = steps;
                          for (RunEntry& entry : m_runs)
                              if (entry.folder == runFolder && entry.steps != steps) {
                                  entry.steps = steps;
                                  Q_EMIT runsChanged();
                              }
                          if (m_controller) m_controller->setSteps(runFolder, steps);
                      });
}

}  // namespace caravan::ui
