// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/project_context.h"

#include <QDateTime>
#include <QDir>
#include <QFileInfo>
#include <QUndoCommand>

#include "engine/api/config/descriptors.h"
#include "engine/api/event_json.h"
#include "projects/demo.h"
#include "projects/project.h"
#include "projects/recipe_file.h"
#include "projects/run_catalogue.h"
#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"

namespace caravan::ui {
namespace {

constexpr int kMergeMs = 2000;

struct Loaded {
    std::optional<engine::Error> error;
    QString name;
    engine::Recipe recipe;
    bool hasDraft = false;
    std::vector<std::pair<std::string, nlohmann::json>> models;
    QString demoModel;
};

std::filesystem::path draftFile(const std::filesystem::path& folder) {
    return folder / "draft.json";
}

engine::Result<Loaded> loadProject(ProjectStore& store, const std::filesystem::path& folder, bool demo) {
    Loaded result;
    if (demo) {
        auto opened = projects::openDemo(folder);
        if (!opened) return tl::unexpected(opened.error());
        store.project = opened->project;
        result.recipe = opened->recipe;
    } else {
        auto opened = projects::Project::openOrCreate(folder);
        if (!opened) return tl::unexpected(opened.error());
        store.project = *opened;
    }
    auto catalogue = projects::RunCatalogue::open(folder);
    if (!catalogue) return tl::unexpected(catalogue.error());
    store.catalogue = std::move(*catalogue);
    result.name = QString::fromStdString(store.project->name());
    if (std::filesystem::exists(draftFile(folder))) {
        if (auto draft = projects::readRecipe(draftFile(folder))) {
            result.recipe = *draft;
            result.hasDraft = true;
        }
    }
    if (auto models = store.catalogue->models()) result.models = *models;
    result.demoModel = QString::fromStdString(projects::demoModel().string());
    return result;
}

RunEntry entryOf(const projects::RunSummary& summary) {
    RunEntry entry;
    entry.id = QString::fromStdString(summary.row.name);
    entry.folder = QString::fromStdString(summary.folder.string());
    entry.title = summary.row.title.empty() ? entry.id : QString::fromStdString(summary.row.title);
    entry.state = summary.row.state;
    if (projects::isLive(entry.state) && !summary.ownerAlive) entry.state = engine::RunState::Interrupted;
    entry.step = summary.row.step;
    entry.steps = summary.row.steps;
    const auto json = nlohmann::json::parse(summary.row.recipe, nullptr, false);
    if (json.is_object())
        if (auto recipe = engine::recipeFromJson(json)) {
            projects::makePathsAbsolute(*recipe, summary.folder);
            entry.recipe = *recipe;
        }
    if (!summary.row.reason.empty()) {
        const auto reason = nlohmann::json::parse(summary.row.reason, nullptr, false);
        if (reason.is_object()) entry.reason = engine::errorFromJson(reason);
    }
    entry.created = QDateTime::fromMSecsSinceEpoch(summary.row.createdAt);
    return entry;
}

std::string titleOf(const engine::Recipe& recipe) {
    const std::string base = std::filesystem::path(recipe.model.path).filename().string();
    if (recipe.upcycle.method == engine::UpcycleMethod::None) return base + "-qlora";
    return base + "-pesc-" + std::to_string(recipe.upcycle.experts) + "x" +
           std::to_string(recipe.upcycle.topK);
}

}  // namespace

class ProjectContext::RecipeCommand : public QUndoCommand {
  public:
    RecipeCommand(ProjectContext* project, engine::Recipe after, const QString& text, QString key)
        : QUndoCommand(text),
          m_project(project),
          m_before(project->m_recipe),
          m_after(std::move(after)),
          m_key(std::move(key)),
          m_at(QDateTime::currentMSecsSinceEpoch()) {}
    void undo() override { m_project->applyRecipe(m_before); }
    void redo() override { m_project->applyRecipe(m_after); }
    [[nodiscard]] int id() const override { return m_key.isEmpty() ? -1 : 1; }
    bool mergeWith(const QUndoCommand* other) override {
        const auto* next = static_cast<const RecipeCommand*>(other);
        if (next->m_key != m_key || next->m_at - m_at > kMergeMs) return false;
        m_after = next->m_after;
        m_at = next->m_at;
        setObsolete(m_after == m_before);
        return true;
    }

  private:
    ProjectContext* m_project;
    engine::Recipe m_before, m_after;
    QString m_key;
    qint64 m_at;
};

ProjectContext::ProjectContext(const QString& folder, EngineLink* engine, RunController* runs, bool demo,
                               QObject* parent)
    : QObject(parent),
      m_folder(folder),
      m_name(QFileInfo(folder).fileName()),
      m_engine(engine),
      m_controller(runs),
      m_store(std::make_shared<ProjectStore>()) {
    m_thread.setMaxThreadCount(1);
    m_thread.setExpiryTimeout(-1);
    m_saveTimer.setSingleShot(true);
    m_saveTimer.setInterval(400);
    connect(&m_saveTimer, &QTimer::timeout, this, &ProjectContext::saveDraft);
    m_runsTimer.setSingleShot(true);
    m_runsTimer.setInterval(250);
    connect(&m_runsTimer, &QTimer::timeout, this, &ProjectContext::refreshRuns);
    m_modelTimer.setSingleShot(true);
    m_modelTimer.setInterval(500);
    connect(&m_modelTimer, &QTimer::timeout, this, &ProjectContext::refreshModels);
    connect(&m_watcher, &QFileSystemWatcher::directoryChanged, &m_modelTimer, qOverload<>(&QTimer::start));
    connect(engine, &EngineLink::stateChanged, this, [this](EngineState state) {
        if (state != EngineState::Ready) return;
        for (ModelEntry& entry : m_models)
            if (entry.status == ModelEntry::Status::Reading) inspect(entry.path);
    });
    if (runs) connect(runs, &RunController::stateChanged, &m_runsTimer, qOverload<>(&QTimer::start));
    load(demo);
}

ProjectContext::~ProjectContext() {
    if (m_saveTimer.isActive()) saveDraft();
    m_thread.start([store = m_store] {  // closes the database where it was used
        store->catalogue.reset();
        store->project.reset();
    });
    m_thread.waitForDone();
}

void ProjectContext::load(bool demo) {
    using Outcome = engine::Result<Loaded>;
    runInBackground<Outcome>(
        &m_thread, this,
        [store = m_store, folder = std::filesystem::path(m_folder.toStdString()), demo] {
            return loadProject(*store, folder, demo);
        },
        [this](const Outcome& loaded) {
            if (!loaded) {
                m_openError = loaded.error();
                Q_EMIT opened();
                return;
            }
            m_open = true;
            if (!loaded->name.isEmpty()) m_name = loaded->name;
            m_recipe = loaded->recipe;
            if (!loaded->demoModel.isEmpty()) putModel(loaded->demoModel, true, nullptr);
            for (const auto& [path, inspection] : loaded->models)
                putModel(QString::fromStdString(path), false, &inspection);
            for (const QString& path : std::exchange(m_early, {}))
                addModelFolder(path);
            if (m_recipe.model.path.empty())
                for (const ModelEntry& entry : m_models)
                    if (m_recipe.model.path.empty()) m_recipe.model.path = entry.path.toStdString();
            Q_EMIT modelsChanged();
            Q_EMIT recipeChanged();
            refreshModels();
            refreshRuns();
            Q_EMIT opened();
        });
}

// A model of the list, shown at once with what was known of it.
void ProjectContext::putModel(const QString& path, bool bundled, const nlohmann::json* inspection) {
    if (model(path)) return;
    ModelEntry entry;
    entry.path = path;
    entry.name = QFileInfo(path).fileName();
    entry.bundled = bundled;
    if (inspection && inspection->is_object()) {
        try {
            entry.inspection = inspection->get<engine::ModelInspection>();
            if (!entry.inspection.kind.empty()) entry.status = ModelEntry::Status::Ready;
        } catch (const std::exception&) {  // of an older version: read anew
        }
    }
    m_models << entry;
    m_watcher.addPath(path);
}

void ProjectContext::applyRecipe(const engine::Recipe& recipe) {
    m_recipe = recipe;
    m_saveTimer.start();
    Q_EMIT recipeChanged();
}

void ProjectContext::setRecipe(const engine::Recipe& recipe, const QString& text, const QString& mergeKey) {
    if (recipe == m_recipe) return;
    m_undo.push(new RecipeCommand(this, recipe, text, mergeKey));
}

engine::Result<void> ProjectContext::setField(const std::string& key, const nlohmann::json& value,
                                              const QString& text) {
    const engine::FieldDescriptor* field = engine::findField(key);
    if (!field)
        return engine::fail(engine::ErrorCode::UnknownKey,
                            {{"key", key}, {"nearest", engine::nearestKey(key)}});
    engine::Recipe recipe = m_recipe;
    if (auto set = field->set(recipe, value); !set) return set;
    setRecipe(recipe, text, QString::fromStdString(key));
    return {};
}

const ModelEntry* ProjectContext::model(const QString& path) const {
    for (const ModelEntry& entry : m_models)
        if (entry.path == path) return &entry;
    return nullptr;
}

const ModelEntry* ProjectContext::baseModel() const {
    const QString path = QString::fromStdString(m_recipe.model.path);
    if (path.isEmpty()) return nullptr;
    return model(QDir::isAbsolutePath(path) ? path : QDir::cleanPath(QDir(m_folder).filePath(path)));
}

void ProjectContext::addModelFolder(const QString& path) {
    const QString clean = QFileInfo(path).absoluteFilePath();
    if (!m_open) {
        m_early << clean;
        return;
    }
    if (!model(clean)) {
        putModel(clean, false, nullptr);
        saveModels();
        Q_EMIT modelsChanged();
    }
    inspect(clean);
}

void ProjectContext::removeModelFolder(const QString& path) {
    const auto gone = std::remove_if(m_models.begin(), m_models.end(),
                                     [&](const ModelEntry& e) { return e.path == path && !e.bundled; });
    if (gone == m_models.end()) return;
    m_models.erase(gone, m_models.end());
    m_watcher.removePath(path);
    saveModels();
    Q_EMIT modelsChanged();
}

void ProjectContext::refreshModels() {
    for (const ModelEntry& entry : m_models)
        inspect(entry.path);
}

void ProjectContext::inspect(const QString& path) {
    m_engine->requestAs<engine::ModelInspection>(
        "inspect", {{"path", path.toStdString()}}, this,
        [this, path](const engine::Result<engine::ModelInspection>& result) {
            const auto entry = std::find_if(m_models.begin(), m_models.end(),
                                            [&](const ModelEntry& e) { return e.path == path; });
            if (entry == m_models.end()) return;
            if (result) {
                entry->inspection = *result;
                entry->error.reset();
                entry->status = ModelEntry::Status::Ready;
                saveModels();
            } else if (result.error().code == engine::ErrorCode::EngineGone) {
                return;  // asked again when the engine is back
            } else {
                entry->error = result.error();
                entry->status = ModelEntry::Status::Refused;
            }
            Q_EMIT modelsChanged();
        });
}

void ProjectContext::saveModels() {
    std::vector<std::pair<std::string, nlohmann::json>> list;
    for (const ModelEntry& entry : m_models)
        if (!entry.bundled)
            list.emplace_back(entry.path.toStdString(), entry.status == ModelEntry::Status::Ready
                                                            ? nlohmann::json(entry.inspection)
                                                            : nlohmann::json::object());
    inProject<bool>(
        this,
        [list](ProjectStore& store) {
            store.project->setModels(list);
            return true;
        },
        [](const bool&) {});
}

void ProjectContext::saveDraft() {
    using Outcome = engine::Result<void>;
    inProject<Outcome>(
        this,
        [recipe = m_recipe](ProjectStore& store) {
            std::vector<projects::Project::DataEntry> data;
            for (const auto& file : recipe.data.files)
                data.push_back({file.path, file.name, file.weight, false});
            for (const auto& file : recipe.data.heldout)
                data.push_back({file.path, file.name, file.weight, true});
            store.project->setData(std::move(data));
            return projects::writeRecipe(recipe, draftFile(store.project->folder()));
        },
        [this](const Outcome& saved) {
            if (!saved) Q_EMIT failed(saved.error());
        });
}

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
    using Outcome = engine::Result<std::vector<projects::RunSummary>>;
    inProject<Outcome>(
        this, [](ProjectStore& store) { return store.catalogue->runs(); },
        [this](const Outcome& runs) {
            if (!runs) {
                Q_EMIT failed(runs.error());
                return;
            }
            m_runs.clear();
            for (const projects::RunSummary& summary : *runs)
                m_runs << entryOf(summary);
            for (RunEntry& entry : m_runs) {
                if (entry.steps <= 0)
                    entry.steps = entry.recipe.tune.steps.value_or(m_steps.value(entry.folder, 0));
                if (entry.steps <= 0 && entry.state != engine::RunState::Created)
                    askSteps(entry.folder, entry.recipe);
                // the engine knows better than the database, which is written a little later
                if (!m_controller || entry.folder != m_controller->live().folder) continue;
                entry.state = m_controller->live().state;
                entry.step = std::max(entry.step, m_controller->live().step);
                m_controller->setSteps(entry.folder, entry.steps);
                if (m_controller->live().lastCheckpoint < 0) findCheckpoint(entry);
            }
            Q_EMIT runsChanged();
            if (m_selectedRun.isEmpty() && !m_runs.isEmpty()) selectRun(m_runs.first().id);
        });
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
    using Outcome = engine::Result<QString>;
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
            return QString::fromStdString(*name);
        },
        [this, context = QPointer<QObject>(context), done = std::move(done)](const Outcome& created) {
            if (!created) {
                Q_EMIT failed(created.error());
                if (context) done(created);
                return;
            }
            m_selectedRun = *created;
            refreshRuns();
            Q_EMIT selectedRunChanged(*created);
            if (context) done(created);
        });
}

void ProjectContext::startRun(const QString& id) {
    const RunEntry* entry = run(id);
    engine::Recipe recipe = m_recipe;
    if (entry) {  // settings of the run as it was created, data and training of the draft
        recipe.model = entry->recipe.model;
        recipe.upcycle = entry->recipe.upcycle;
    }
    projects::makePathsAbsolute(recipe, m_folder.toStdString());
    const QString folder = QDir(m_folder).filePath(QStringLiteral("runs/") + id);
    selectRun(id);
    m_controller->start(recipe, m_folder, folder, 0);
    m_steps.remove(folder);
    askSteps(folder, recipe);
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
