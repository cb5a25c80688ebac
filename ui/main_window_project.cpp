// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Which project is open, and what is dropped on the window.
#include <QDir>
#include <QDragEnterEvent>
#include <QFileInfo>
#include <QMimeData>
#include <QSettings>
#include <QStackedWidget>
#include <QUrl>
#include <QVBoxLayout>

#include "projects/demo.h"
#include "projects/project.h"
#include "projects/run_import.h"
#include "ui/actions/action_registry.h"
#include "ui/main_window.h"
#include "ui/page.h"
#include "ui/pages/chat/chat_session.h"
#include "ui/project_context.h"
#include "ui/shell/banners.h"
#include "ui/shell/instance.h"
#include "ui/shell/last_places.h"
#include "ui/shell/rail.h"
#include "ui/shell/run_pill.h"
#include "ui/shell/scroll_places.h"
#include "ui/shell/welcome.h"

namespace caravan::ui {
namespace {

QString defaultProjects() {
    return QString::fromStdString(projects::Project::defaultFolder().string());
}

// Before the pages lose it.
void keepPlaces(const ProjectContext* project) {
    if (auto* places = project != nullptr ? project->findChild<ScrollPlaces*>() : nullptr) places->keep();
}

}  // namespace

void MainWindow::openProject(const QString& folder) {
    const QString path = QFileInfo(folder).absoluteFilePath();
    if (m_project && m_project->folder() == path) return;
    auto instance = Instance::claim(path);
    if (!instance) {
        m_banners->show(QStringLiteral("project.open"), widgets::MessageBar::Kind::Information,
                        tr("%1 is open in another window.").arg(QFileInfo(path).fileName()),
                        tr("That window was brought to the front."));
        return;
    }
    m_instance = std::move(instance);
    connect(m_instance.get(), &Instance::activated, this, [this] {
        setWindowState(windowState() & ~Qt::WindowMinimized);
        raise();
        activateWindow();
    });
    const bool demo = path == QDir(defaultProjects()).filePath(QStringLiteral("demo"));
    setProject(std::make_unique<ProjectContext>(path, m_engine, m_runs, demo));
}

void MainWindow::openDemo() {
    openProject(QDir(defaultProjects()).filePath(QStringLiteral("demo")));
}

void MainWindow::openModel(const QString& folder) {
    const QString path = QFileInfo(folder).absoluteFilePath();
    if (!m_project) openProject(QDir(defaultProjects()).filePath(QFileInfo(path).fileName()));
    if (!m_project) return;
    m_project->addModelFolder(path);
    showPage(QStringLiteral("models"));
}

void MainWindow::openPath(const QString& path) {
    if (projects::Project::isProject(path.toStdString()) ||
        !QFileInfo::exists(path + QStringLiteral("/config.json")))
        openProject(path);
    else
        openModel(path);
}

void MainWindow::setProject(std::unique_ptr<ProjectContext> project) {
    keepPlaces(m_project.get());
    for (Page* page : m_pages)
        page->setProject(nullptr);
    m_project = std::move(project);
    connect(m_project.get(), &ProjectContext::opened, this, &MainWindow::projectOpened);
    connect(m_project.get(), &ProjectContext::failed, this, [this](const engine::Error& error) {
        m_banners->showError(QStringLiteral("project.failed"), error);
    });
    connect(m_project.get(), &ProjectContext::selectedRunChanged, this, [this] { renewRunActions(); });
    connect(m_project.get(), &ProjectContext::runsChanged, this, [this] {
        m_pill->setRun(namedRun());
        renewTitle();
        renewRunActions();
    });
    QUndoStack* undo = m_project->undoStack();
    const auto renewUndo = [this, undo] {
        m_actions->find(QStringLiteral("edit.undo"))->setEnabled(undo->canUndo());
        m_actions->find(QStringLiteral("edit.redo"))->setEnabled(undo->canRedo());
        m_actions->find(QStringLiteral("edit.undo"))
            ->setText(undo->canUndo() ? tr("&Undo %1").arg(undo->undoText()) : tr("&Undo"));
        m_actions->find(QStringLiteral("edit.redo"))
            ->setText(undo->canRedo() ? tr("&Redo %1").arg(undo->redoText()) : tr("&Redo"));
    };
    connect(undo, &QUndoStack::indexChanged, this, renewUndo);
    renewUndo();
    Page* chat = page(QStringLiteral("chat"));
    new LastPlaces(m_project.get(), chat != nullptr ? chat->findChild<ChatSession*>() : nullptr);
    for (Page* page : m_pages)
        page->setProject(m_project.get());
    new ScrollPlaces(m_project.get(), m_pages);
    m_rail->show();
    const QString shown = property("shownPage").toString();  // not in the settings yet
    const QString last =
        shown.isEmpty() ? QSettings().value(QStringLiteral("window/page")).toString() : shown;
    showPage(page(last) ? last : m_pages.isEmpty() ? QString() : m_pages.first()->id());
    m_actions->find(QStringLiteral("file.close"))->setEnabled(true);
    renewRunActions();
}

void MainWindow::projectOpened() {
    if (m_project->openError()) {
        const engine::Error error = *m_project->openError();
        QMetaObject::invokeMethod(
            this,
            [this, error] {
                closeProject();
                m_banners->showError(QStringLiteral("project.failed"), error);
            },
            Qt::QueuedConnection);
        return;
    }
    QStringList recent = recentProjects();
    recent.removeAll(m_project->folder());
    recent.prepend(m_project->folder());
    QSettings().setValue(QStringLiteral("projects/recent"), QStringList(recent.mid(0, 8)));
    renewTitle();
    renewRunActions();
}

void MainWindow::closeProject() {
    keepPlaces(m_project.get());
    for (Page* page : m_pages)
        page->setProject(nullptr);
    if (m_current) m_current->setActive(false);
    m_current = nullptr;
    m_project.reset();
    m_instance.reset();
    m_rail->hide();
    static_cast<QVBoxLayout*>(m_welcomeHost->layout())->insertWidget(0, m_banners);
    m_welcome->setRecent(recentProjects());
    m_stack->setCurrentWidget(m_welcomeHost);
    m_actions->setActivePage(QString());
    for (const char* id : {"file.close", "edit.undo", "edit.redo"})
        m_actions->find(QLatin1String(id))->setEnabled(false);
    renewTitle();
    renewStatus();
    renewRunActions();
}

QStringList MainWindow::recentProjects() const {
    QStringList result;
    for (const QString& folder : QSettings().value(QStringLiteral("projects/recent")).toStringList())
        if (QFileInfo::exists(folder)) result << folder;
    return result;
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    if (!event->mimeData()->hasUrls()) return;
    event->acceptProposedAction();
    if (m_current) m_current->setDragging(true);
}

void MainWindow::dragLeaveEvent(QDragLeaveEvent*) {
    if (m_current) m_current->setDragging(false);
}

void MainWindow::dropEvent(QDropEvent* event) {
    if (m_current) m_current->setDragging(false);
    QStringList paths;
    for (const QUrl& url : event->mimeData()->urls())
        if (url.isLocalFile()) paths << url.toLocalFile();
    if (paths.isEmpty()) return;
    event->acceptProposedAction();
    takePaths(paths);
}

// The page that is shown comes first; what it has no use for goes where it belongs.
void MainWindow::takePaths(const QStringList& paths) {
    const QString refused = QStringLiteral("drop.refused");
    m_banners->clear(refused);
    if (m_current && m_current->takeDrop(paths)) return;
    const auto takenBy = [this](const char* id, const QString& path) {
        Page* owner = m_project ? page(QLatin1String(id)) : nullptr;
        if (owner == nullptr || !owner->takeDrop({path})) return false;
        showPage(QLatin1String(id));
        return true;
    };
    QStringList left;
    for (const QString& path : paths) {
        const QFileInfo info(path);
        if (info.isDir() && projects::Project::isProject(path.toStdString())) return openProject(path);
        const bool run = info.isDir() && projects::isRunFolder(path.toStdString());
        if (run ? takenBy("runs", path) : !info.isDir() && (takenBy("models", path) || takenBy("data", path)))
            continue;
        if (info.isDir() && !run)
            openModel(path);
        else
            left << info.fileName();
    }
    if (left.isEmpty()) return;
    m_banners->show(refused, widgets::MessageBar::Kind::Information,
                    tr("%1 was not taken.").arg(left.join(QStringLiteral(", "))),
                    m_project
                        ? tr("A model folder, a run, a project or a file with data rows can be dropped.")
                        : tr("Open a project first: runs and data files belong to one."));
}

}  // namespace caravan::ui
