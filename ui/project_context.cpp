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
    QString name;
    engine::Recipe recipe;
    std::optional<engine::Error> damaged;  // settings that could not be read and were kept aside
    std::vector<std::pair<std::string, nlohmann::json>> models;
    QString demoModel;
};

std::filesystem::path draftFile(const std::filesystem::path& folder) {
    return folder / "draft.json";
}

// The settings as they were left, also by a window that was killed. What cannot be read is not written over.
void loadDraft(const std::filesystem::path& file, Loaded& into) {
    std::error_code problem;
    if (!std::filesystem::exists(file, problem)) return;
    auto draft = projects::readRecipe(file);
    if (draft) {
        into.recipe = std::move(*draft);
        return;
    }
    std::filesystem::path aside = file;
    aside += ".damaged";
    std::filesystem::rename(file, aside, problem);
    into.damaged = draft.error();
    if (!problem)
        for (auto& [name, value] : into.damaged->parameters)
            if (name == "detail")
                value =
                    ProjectContext::tr("%1; it is kept as %2")
                        .arg(QString::fromStdString(value), QString::fromStdString(aside.filename().string()))
                        .toStdString();
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
    loadDraft(draftFile(folder), result);
    if (auto models = store.catalogue->models()) result.models = *models;
    result.demoModel = QString::fromStdString(projects::demoModel().string());
    return result;
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
            if (loaded->damaged) Q_EMIT failed(*loaded->damaged);
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

}  // namespace caravan::ui
