// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDateTime>
#include <QFileSystemWatcher>
#include <QHash>
#include <QObject>
#include <QThreadPool>
#include <QTimer>
#include <QUndoStack>
#include <QVector>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/api/config/recipe.h"
#include "engine/api/inspection.h"
#include "engine/api/result.h"
#include "engine/api/run_events.h"
#include "ui/bridge/background.h"

namespace caravan::projects {
class Project;
class RunCatalogue;
struct RunSummary;
}  // namespace caravan::projects

namespace caravan::ui {

class EngineLink;
class RunController;

// The project's files and database; used on the project's thread only (ProjectContext::inProject).
struct ProjectStore {
    std::shared_ptr<projects::Project> project;
    std::shared_ptr<projects::RunCatalogue> catalogue;  // a reading connection of its own
};

struct ModelEntry {
    enum class Status { Reading, Ready, Refused };
    QString path;  // absolute
    QString name;
    bool bundled = false;  // the demo model: cannot be removed
    Status status = Status::Reading;
    engine::ModelInspection inspection;  // Ready
    std::optional<engine::Error> error;  // Refused: the folder is broken or gone
};

struct RunEntry {
    QString id;      // folder name: "0001"
    QString folder;  // absolute
    QString title;   // name for people: "base-16m-pesc-8x2"
    engine::RunState state = engine::RunState::Created;
    engine::StepIndex step = 0;
    std::int64_t steps = 0;
    engine::Recipe recipe;  // as kept in the run folder; paths relative to the folder
    std::optional<engine::Error> reason;
    QDateTime created;
    QString note;
    QStringList tags;
    std::optional<double> heldout, bestHeldout;  // mean over domains at the last and the best evaluation
    engine::StepIndex bestStep = 0;
    int queuePlace = -1;  // 0 = the next to start; -1 = does not wait
};

// The open project: its draft recipe (undoable), models and runs. Reads and writes happen on one background
// thread; everything here is called on the GUI thread, returns at once, and tells of changes by signals.
class ProjectContext : public QObject {
    Q_OBJECT
  public:
    // demo: the embedded example, made in the folder on first use.
    ProjectContext(const QString& folder, EngineLink* engine, RunController* runs, bool demo = false,
                   QObject* parent = nullptr);
    ~ProjectContext() override;

    [[nodiscard]] QString folder() const { return m_folder; }
    [[nodiscard]] QString name() const { return m_name; }
    [[nodiscard]] bool isOpen() const { return m_open; }  // the store has been read
    [[nodiscard]] const std::optional<engine::Error>& openError() const { return m_openError; }

    // The draft that Upcycle and Data edit. Paths are absolute or relative to folder().
    [[nodiscard]] const engine::Recipe& recipe() const { return m_recipe; }
    QUndoStack* undoStack() { return &m_undo; }
    // One undoable edit; edits of the same key within two seconds merge. `text` names it in the Undo menu.
    void setRecipe(const engine::Recipe& recipe, const QString& text, const QString& mergeKey = {});
    engine::Result<void> setField(const std::string& key, const nlohmann::json& value, const QString& text);

    [[nodiscard]] const QVector<ModelEntry>& models() const { return m_models; }
    [[nodiscard]] const ModelEntry* model(const QString& path) const;  // nullptr: unknown
    [[nodiscard]] const ModelEntry* baseModel() const;                 // of the draft
    void addModelFolder(const QString& path);
    void removeModelFolder(const QString& path);
    void refreshModels();

    [[nodiscard]] const QVector<RunEntry>& runs() const { return m_runs; }  // newest first
    [[nodiscard]] const RunEntry* run(const QString& idOrFolder) const;     // nullptr: unknown
    [[nodiscard]] QString selectedRun() const { return m_selectedRun; }     // id, "" = none
    void selectRun(const QString& id);
    void refreshRuns();
    // Writes a run in state created (no weights) from the draft and selects it; done gets its id.
    void createRun(QObject* context, std::function<void(const engine::Result<QString>&)> done);
    // The draft's data goes into a created run; then it starts.
    void startRun(const QString& id);
    void renameRun(const QString& id, const QString& title);
    void setRunNote(const QString& id, const QString& note);
    void setRunTags(const QString& id, const QStringList& tags);
    // A created run waits behind those that wait already; one that was made without data takes the draft's.
    void queueRun(const QString& id);
    void unqueueRun(const QString& id);
    void moveQueuedRun(const QString& id, int place);
    void startQueue();  // the engine works through it, also when the window is closed
    // Copies a run folder of elsewhere into the project.
    void importRun(const QString& folder);
    // Into the project's trash folder, undoable; failed() if the run is live.
    void trashRun(const QString& id);

    // Runs work(store) on the project's thread, in order, then done(result) on the GUI thread while context
    // lives. Both of the store's pointers are set. Example:
    //   project->inProject<Samples>(this, [id](ProjectStore& s) { return s.catalogue->samples(id); },
    //   [this](const Samples& r) {...});
    template <class T>
    void inProject(QObject* context, std::function<T(ProjectStore&)> work,
                   std::function<void(const T&)> done) {
        runInBackground<T>(
            &m_thread, context, [store = m_store, work = std::move(work)] { return work(*store); },
            std::move(done), [store = m_store] { return store->project && store->catalogue; });
    }

  Q_SIGNALS:
    void opened();  // isOpen(), or openError()
    void recipeChanged();
    void modelsChanged();
    void runsChanged();
    void selectedRunChanged(const QString& id);
    void failed(const caravan::engine::Error& error);  // something could not be read or written

  private:
    class RecipeCommand;
    class TrashCommand;
    template <class F>
    void editRun(const QString& id, F edit);
    void changeRuns(std::function<engine::Result<void>(projects::Project&)> change);
    [[nodiscard]] engine::Recipe recipeOf(const RunEntry* run) const;
    using RunList = engine::Result<std::vector<projects::RunSummary>>;
    void takeRuns(const RunList& runs);
    void moveRun(const QString& id, bool away);
    void applyRecipe(const engine::Recipe& recipe);
    void inspect(const QString& path);
    void askSteps(const QString& runFolder, const engine::Recipe& recipe);
    void findCheckpoint(const RunEntry& entry);
    void saveDraft();
    void saveModels();
    void load(bool demo);
    void putModel(const QString& path, bool bundled, const nlohmann::json* inspection);

    QString m_folder, m_name;
    bool m_open = false;
    std::optional<engine::Error> m_openError;
    EngineLink* m_engine;
    RunController* m_controller;
    engine::Recipe m_recipe;
    QUndoStack m_undo;
    QVector<ModelEntry> m_models;
    QVector<RunEntry> m_runs;
    QString m_selectedRun;
    QHash<QString, std::int64_t> m_steps;  // by run folder, of plans that were asked for; 0 = asked
    QStringList m_early;                   // model folders dropped before the project was read
    QTimer m_saveTimer, m_runsTimer, m_modelTimer;
    QFileSystemWatcher m_watcher;
    QThreadPool m_thread;  // one thread: order is kept
    std::shared_ptr<ProjectStore> m_store;
};

}  // namespace caravan::ui
