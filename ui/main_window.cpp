// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/main_window.h"

#include <QApplication>
#include <QCloseEvent>
#include <QDesktopServices>
#include <QDir>
#include <QDockWidget>
#include <QDragEnterEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QMenuBar>
#include <QMessageBox>
#include <QMimeData>
#include <QSettings>
#include <QStackedWidget>
#include <QUrl>
#include <QVBoxLayout>
#include <algorithm>
#include <functional>

#include "projects/demo.h"
#include "projects/project.h"
#include "ui/actions/action_registry.h"
#include "ui/format/format.h"
#include "ui/page.h"
#include "ui/page_list.h"
#include "ui/project_context.h"
#include "ui/shell/banners.h"
#include "ui/shell/close_dialog.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/instance.h"
#include "ui/shell/menu_row.h"
#include "ui/shell/rail.h"
#include "ui/shell/run_pill.h"
#include "ui/shell/status_line.h"
#include "ui/shell/welcome.h"

namespace caravan::ui {
namespace {

constexpr int kLayoutVersion = 1;
QString defaultProjects() {
    return QString::fromStdString(projects::Project::defaultFolder().string());
}

}  // namespace

MainWindow::MainWindow(EngineLink* engine, QWidget* parent)
    : QMainWindow(parent),
      m_engine(engine),
      m_runs(new RunController(engine, this)),
      m_actions(new ActionRegistry(this)),
      m_services{engine, m_runs, m_actions} {
    setObjectName(QStringLiteral("window"));
    setMinimumSize(960, 600);
    resize(1440, 900);
    setAcceptDrops(true);
    setWindowIcon(QIcon::fromTheme(QStringLiteral("org.caravan.Workbench"), markIcon()));
    setContextMenuPolicy(Qt::NoContextMenu);
    makeActions();
    auto* center = new QWidget;
    auto* column = new QVBoxLayout(center);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    auto* row = new QHBoxLayout;
    row->setSpacing(0);
    m_rail = new Rail;
    m_stack = new QStackedWidget;
    m_status = new StatusLine;
    row->addWidget(m_rail);
    row->addWidget(m_stack, 1);
    column->addLayout(row, 1);
    column->addWidget(m_status);
    setCentralWidget(center);
    m_banners = new Banners;
    makePages();
    auto* menuRow = new MenuRow;
    m_pill = menuRow->pill();
    makeMenus(menuRow->menuBar());
    setMenuWidget(menuRow);
    m_palette = new CommandPalette(this);
    connect(menuRow, &MenuRow::paletteWanted, this, &MainWindow::openPalette);
    connect(m_pill, &QAbstractButton::clicked, this, [this] {
        follow(QStringLiteral("tune"), {{QStringLiteral("run"), m_runs->live().name}});
    });
    connect(m_rail, &Rail::chosen, this, &MainWindow::showPage);
    connectEngine();
    restoreLayout();
    closeProject();
}

MainWindow::~MainWindow() {
    for (Page* page : m_pages)
        page->setProject(nullptr);
    m_project.reset();
}

void MainWindow::makePages() {
    m_welcomeHost = new QWidget;
    auto* host = new QVBoxLayout(m_welcomeHost);
    host->setContentsMargins(0, 0, 0, 0);
    host->setSpacing(0);
    m_welcome = new Welcome(m_actions, m_engine);
    host->addWidget(m_banners);
    host->addWidget(m_welcome, 1);
    connect(m_welcome, &Welcome::projectChosen, this, &MainWindow::openProject);
    m_stack->addWidget(m_welcomeHost);
    std::optional<PageGroup> group;
    for (const PageEntry& entry : pageList()) {
        Page* page = entry.make(m_services, this);
        m_pages << page;
        m_stack->addWidget(page);
        if (group && *group != entry.group) m_rail->addSeparator();
        group = entry.group;
        m_rail->addPage(page->id(), page->title());
        connect(page, &Page::linkActivated, this, &MainWindow::follow);
        connect(page, &Page::statusChanged, this, [this] {
            renewTitle();
            renewStatus();
        });
    }
    static const QStringList numbers{"models",  "upcycle", "data",     "tune",
                                     "routing", "chat",    "evaluate", "runs"};
    for (Page* page : m_pages) {
        const int number = static_cast<int>(numbers.indexOf(page->id())) + 1;
        m_actions->add(
            {.id = QStringLiteral("go.") + page->id(),
             .text = page->title(),
             .menu = QStringLiteral("window"),
             .shortcut = number > 0 ? QKeySequence(Qt::ALT | static_cast<Qt::Key>(Qt::Key_0 + number))
                                    : QKeySequence(),
             .icon = page->id()},
            this, [this, id = page->id()] { showPage(id); });
    }
}

void MainWindow::makeMenus(QMenuBar* bar) {
    const std::pair<const char*, QString> menus[] = {
        {"file", tr("&File")},   {"edit", tr("&Edit")},     {"view", tr("&View")},
        {"model", tr("&Model")}, {"run", tr("&Run")},       {"routing", tr("R&outing")},
        {"chat", tr("&Chat")},   {"window", tr("&Window")}, {"help", tr("&Help")}};
    for (const auto& [id, title] : menus) {
        const QList<QAction*> actions = m_actions->menuActions(QLatin1String(id));
        if (actions.isEmpty()) continue;
        bar->addMenu(title)->addActions(actions);
    }
    addActions(m_actions->actions());
    connect(m_actions, &ActionRegistry::added, this, [this](QAction* action) { addAction(action); });
}

void MainWindow::connectEngine() {
    connect(m_engine, &EngineLink::stateChanged, this, [this](EngineState state) {
        renewStatus();
        renewRunActions();
        if (state != EngineState::Ready) return;
        m_banners->clear(QStringLiteral("engine.restart"));
        if (widgets::MessageBar* bar = m_banners->bar(QStringLiteral("engine.died")))
            for (QPushButton* button : bar->buttons())
                button->setEnabled(true);
    });
    connect(m_engine, &EngineLink::deviceChanged, this, &MainWindow::renewStatus);
    connect(m_engine, &EngineLink::died, this, &MainWindow::engineDied);
    connect(m_engine, &EngineLink::doesNotStart, this, [this](const QString& reason) {
        m_banners->clear(QStringLiteral("engine.restart"));
        m_banners->show(QStringLiteral("engine.died"), widgets::MessageBar::Kind::Error,
                        tr("The engine does not start."), reason,
                        {{tr("Try again"), [this] { m_engine->restart(); }, true},
                         {tr("Show log"), [this] { showLog(); }}},
                        false);
    });
    connect(m_runs, &RunController::liveChanged, this, [this] {
        m_pill->setRun(namedRun());
        m_rail->setMarked(QStringLiteral("tune"), m_runs->live().isActive());
        renewTitle();
        renewRunActions();
        if (m_runs->live().isActive()) m_banners->clear(QStringLiteral("engine.died"));
        if (m_waitsForStop && !m_runs->live().isActive()) finishClosing();
    });
    connect(m_runs, &RunController::events, this,
            [this](const QString&, const RunEventBatch& batch) { showTopPair(batch); });
    connect(m_runs, &RunController::refused, this, [this](const engine::Error& error) {
        m_waitsForStop = false;
        m_banners->showError(QStringLiteral("run.refused"), error);
    });
}

void MainWindow::engineDied(const QString& reason) {
    m_waitsForStop = false;
    const LiveRun& run = m_runs->live();
    std::vector<Banners::Button> buttons;
    if (!run.engineDied) {
        buttons.push_back({tr("Show log"), [this] { showLog(); }});
        m_banners->show(
            QStringLiteral("engine.restart"), widgets::MessageBar::Kind::Warning, tr("The engine stopped."),
            tr("%1. It is starting again; nothing saved is lost.").arg(reason), std::move(buttons));
        return;
    }
    const auto kept = run.lastCheckpoint;
    QString text = reason + QStringLiteral(". ") + tr("Nothing saved is lost.");
    if (kept >= 0) {
        text +=
            QLatin1Char(' ') + tr("Step %1 is verified; %n step(s) will be repeated on the same data.",
                                  nullptr, static_cast<int>(std::max<engine::StepIndex>(0, run.step - kept)))
                                   .arg(withThousands(kept));
        buttons.push_back({tr("Resume from step %1").arg(withThousands(kept)), [this] { startOrResume(); },
                           true, m_engine->isUsable()});
    } else {
        text += QLatin1Char(' ') + tr("There was no checkpoint yet; the same settings stand on Upcycle.");
        buttons.push_back({tr("New run"), [this] { showPage(QStringLiteral("upcycle")); }, true});
    }
    buttons.push_back({tr("Show log"), [this] { showLog(); }});
    buttons.push_back({tr("Copy diagnostics"), [this] { copyDiagnostics(); }});
    m_banners->show(QStringLiteral("engine.died"), widgets::MessageBar::Kind::Error,
                    tr("The engine stopped at step %1.").arg(withThousands(run.step)), text,
                    std::move(buttons));
}

Page* MainWindow::page(const QString& id) const {
    for (Page* page : m_pages)
        if (page->id() == id) return page;
    return nullptr;
}

Page* MainWindow::currentPage() const {
    return m_current;
}

QStringList MainWindow::pageIds() const {
    QStringList ids;
    for (Page* page : m_pages)
        ids << page->id();
    return ids;
}

void MainWindow::showPage(const QString& id) {
    Page* next = page(id);
    if (!next || !m_project) return;
    if (m_current != next) {
        if (m_current) m_current->setActive(false);
        m_current = next;
        m_stack->setCurrentWidget(next);
        next->hostMessages(m_banners);
        m_actions->setActivePage(id);
        next->setActive(true);
        QSettings().setValue(QStringLiteral("window/page"), id);
    }
    m_rail->setCurrent(id);
    renewTitle();
    renewStatus();
    renewRunActions();
}

void MainWindow::follow(const QString& pageId, const QVariantMap& arguments) {
    Page* target = page(pageId);
    if (!target) return;
    showPage(pageId);
    if (arguments.contains(QStringLiteral("run"))) {
        const QString run = arguments.value(QStringLiteral("run")).toString();
        if (m_project) m_project->selectRun(run);
        target->showRun(run);
    }
    target->openLink(arguments);
}

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
    for (Page* page : m_pages)
        page->setProject(m_project.get());
    m_rail->show();
    const QString last = QSettings().value(QStringLiteral("window/page")).toString();
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

LiveRun MainWindow::namedRun() const {
    LiveRun run = m_runs->live();
    const RunEntry* entry = m_project && run.exists() ? m_project->run(run.folder) : nullptr;
    if (entry) run.name = entry->title;
    return run;
}

void MainWindow::renewTitle() {
    QStringList parts;
    const LiveRun run = namedRun();
    if (run.isActive() && run.steps > 0)
        parts << percentText(run.fraction()) << run.name;
    else if (m_current)
        parts << m_current->windowTitlePart();
    if (m_project) parts << m_project->name();
    parts << QStringLiteral("Caravan");
    setWindowTitle(parts.join(QStringLiteral(" — ")));
}

// The two busiest experts of the newest step light up in the run pill.
void MainWindow::showTopPair(const RunEventBatch& batch) {
    for (auto item = batch.crbegin(); item != batch.crend(); ++item) {
        const auto* step = std::get_if<engine::StepMetrics>(&item->event);
        if (!step || step->expertLoad.empty() || step->expertLoad.front().size() < 2) continue;
        std::vector<std::pair<float, int>> load(step->expertLoad.front().size());
        for (std::size_t e = 0; e < load.size(); ++e) {
            load[e].second = static_cast<int>(e);
            for (const auto& layer : step->expertLoad)
                if (e < layer.size()) load[e].first += layer[e];
        }
        std::partial_sort(load.begin(), load.begin() + 2, load.end(), std::greater<>());
        return m_pill->setTopPair(load[0].second % 8, load[1].second % 8);
    }
}

void MainWindow::renewStatus() {
    m_status->setEngine(*m_engine);
    QStringList hints = m_current ? m_current->keyHints().mid(0, 2) : QStringList();
    hints << tr("Ctrl+K find anything");
    m_status->setPageTexts(m_current ? m_current->statusFact() : QString(), hints);
}

void MainWindow::closeEvent(QCloseEvent* event) {
    if (m_closing || !m_runs->live().isActive()) {
        saveLayout();
        event->accept();
        return;
    }
    event->ignore();
    auto choice = static_cast<CloseChoice>(QSettings().value(QStringLiteral("run/when_closing"), 0).toInt());
    if (choice == CloseChoice::Cancel) {
        CloseDialog dialog(namedRun(), this);
        dialog.exec();
        choice = dialog.choice();
        if (choice != CloseChoice::Cancel && dialog.always())
            QSettings().setValue(QStringLiteral("run/when_closing"), static_cast<int>(choice));
        renewRunActions();
    }
    if (choice == CloseChoice::Cancel) return;
    if (choice == CloseChoice::KeepTuning || !m_runs->live().isActive() || !m_engine->isUsable())
        return finishClosing();
    m_waitsForStop = true;
    m_banners->show(QStringLiteral("closing"), widgets::MessageBar::Kind::Information,
                    choice == CloseChoice::PauseAndSave ? tr("Saving before the window closes.")
                                                        : tr("Stopping before the window closes."),
                    QString(), {}, false);
    if (choice == CloseChoice::PauseAndSave)
        m_runs->stop();
    else
        m_runs->discard();
}

void MainWindow::finishClosing() {
    m_closing = true;
    m_waitsForStop = false;
    QMetaObject::invokeMethod(
        this, [this] { close(); }, Qt::QueuedConnection);
}

void MainWindow::closeQuietly() {
    if (m_runs->live().state == engine::RunState::Running) m_runs->checkpoint();
    finishClosing();
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

void MainWindow::takePaths(const QStringList& paths) {
    if (m_current && m_current->takeDrop(paths)) return;
    for (const QString& path : paths) {
        if (QFileInfo(path).isDir() && projects::Project::isProject(path.toStdString()))
            return openProject(path);
        if (QFileInfo(path).isDir()) {
            openModel(path);
        } else if (Page* data = page(QStringLiteral("data")); data && m_project) {
            if (data->takeDrop({path})) showPage(QStringLiteral("data"));
        }
    }
}

void MainWindow::resizeEvent(QResizeEvent* event) {
    QMainWindow::resizeEvent(event);
    if (m_palette) m_palette->hide();
}

void MainWindow::saveLayout() {
    QSettings settings;
    settings.setValue(QStringLiteral("window/geometry"), saveGeometry());
    for (Page* page : m_pages)
        settings.setValue(QStringLiteral("layout/") + page->id(), page->saveState(kLayoutVersion));
}

void MainWindow::restoreLayout() {
    QSettings settings;
    restoreGeometry(settings.value(QStringLiteral("window/geometry")).toByteArray());
    for (Page* page : m_pages) {
        page->setProperty("defaultState", page->saveState(kLayoutVersion));
        page->restoreState(settings.value(QStringLiteral("layout/") + page->id()).toByteArray(),
                           kLayoutVersion);
    }
}

void MainWindow::resetLayout() {
    if (m_current) m_current->restoreState(m_current->property("defaultState").toByteArray(), kLayoutVersion);
}

}  // namespace caravan::ui
