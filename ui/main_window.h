// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMainWindow>
#include <QPointer>
#include <memory>

#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/services.h"
#include "ui/shell/found_item.h"

class QMenuBar;
class QStackedWidget;

namespace caravan::ui {

class ActionRegistry;
class Banners;
class CommandPalette;
class FocusKeeper;
class GuidedTour;
class Instance;
class Page;
class ProjectContext;
class Rail;
class RunPill;
class StatusLine;
class Welcome;

// The shell: menu row, rail, pages, status line; owns the open project.
class MainWindow : public QMainWindow {
    Q_OBJECT
  public:
    explicit MainWindow(EngineLink* engine, QWidget* parent = nullptr);
    ~MainWindow() override;

    void openProject(const QString& folder);
    void openDemo();
    // Opens a model folder: into the open project, or a project named after the model.
    void openModel(const QString& folder);
    void openPath(const QString& path);  // project or model folder
    void showPage(const QString& id);
    [[nodiscard]] Page* page(const QString& id) const;
    [[nodiscard]] Page* currentPage() const;
    [[nodiscard]] ProjectContext* project() const { return m_project.get(); }
    [[nodiscard]] ActionRegistry* actionRegistry() const { return m_actions; }
    [[nodiscard]] RunController* runController() const { return m_runs; }
    [[nodiscard]] Banners* banners() const { return m_banners; }
    [[nodiscard]] QStringList pageIds() const;
    // Ends without a question: session end, SIGTERM. A live run saves a checkpoint and goes on in the engine.
    void closeQuietly();
    void resetLayout();
    // The project that was open when the window closed last; "" = none, or it is gone.
    [[nodiscard]] static QString lastProject();
    // Rich text for F1 on that control.
    [[nodiscard]] QString helpText(const QWidget* control) const;

  protected:
    void closeEvent(QCloseEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dragLeaveEvent(QDragLeaveEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    void makeActions();
    void makeFileActions();
    void makeViewActions();
    void makeRunActions();
    void makePages();
    void makeMenus(QMenuBar* bar);
    void connectEngine();
    void closeProject();
    void setProject(std::unique_ptr<ProjectContext> project);
    void projectOpened();
    void follow(const QString& pageId, const QVariantMap& arguments);
    void renewTitle();
    void showTopPair(const RunEventBatch& batch);
    [[nodiscard]] LiveRun namedRun() const;  // live(), with the name that people gave it
    void renewStatus();
    void renewRunActions();
    void engineDied(const QString& reason);
    void showLog();
    void copyDiagnostics();
    void startOrResume();
    void movePane(int direction);
    void openPalette();
    void showHelp();
    void startTour();
    [[nodiscard]] FoundItem foundAction(QAction* action) const;
    void takePaths(const QStringList& paths);
    void showKeys();
    void about();
    void finishClosing();
    void saveLayout();
    void restoreLayout();
    [[nodiscard]] QStringList recentProjects() const;

    EngineLink* m_engine;
    RunController* m_runs;
    ActionRegistry* m_actions;
    Services m_services;
    std::unique_ptr<ProjectContext> m_project;
    std::unique_ptr<Instance> m_instance;
    QList<Page*> m_pages;
    QPointer<Page> m_current;
    QStackedWidget* m_stack = nullptr;
    Rail* m_rail = nullptr;
    RunPill* m_pill = nullptr;
    StatusLine* m_status = nullptr;
    Banners* m_banners = nullptr;
    Welcome* m_welcome = nullptr;
    CommandPalette* m_palette = nullptr;
    FocusKeeper* m_focus = nullptr;
    GuidedTour* m_tour = nullptr;  // made when it is first asked for
    QWidget* m_welcomeHost = nullptr;
    bool m_closing = false, m_waitsForStop = false;
};

}  // namespace caravan::ui
