// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/main_window.h"

#include <QFileInfo>
#include <QHBoxLayout>
#include <QMenuBar>
#include <QScreen>
#include <QSettings>
#include <QSplitter>
#include <QStackedWidget>
#include <QTimer>
#include <QVBoxLayout>
#include <algorithm>
#include <functional>

#include "ui/actions/action_registry.h"
#include "ui/format/format.h"
#include "ui/page.h"
#include "ui/page_list.h"
#include "ui/project_context.h"
#include "ui/shell/banners.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/focus_keeper.h"
#include "ui/shell/guided_tour.h"
#include "ui/shell/instance.h"
#include "ui/shell/menu_row.h"
#include "ui/shell/rail.h"
#include "ui/shell/run_home.h"
#include "ui/shell/run_pill.h"
#include "ui/shell/status_line.h"
#include "ui/shell/welcome.h"

namespace caravan::ui {
namespace {

// The title with the first of its letters that is still free as the key of a menu.
QString withKey(QString title, QString* taken) {
    for (int i = 0; i < title.size(); ++i)
        if (title[i].isLetter() && !taken->contains(title[i].toLower())) {
            *taken += title[i].toLower();
            return title.insert(i, QLatin1Char('&'));
        }
    return title;
}

constexpr char kShownPage[] = "shownPage";
constexpr int kKeepPageAfter = 4000;  // ms

// Settings are written through to the disk, which may take a tenth of a second and more: not while pages are
// being turned.
void keepPageSoon(MainWindow* window, const QString& id) {
    const QString name = QStringLiteral("keepPage");
    auto* timer = window->findChild<QTimer*>(name, Qt::FindDirectChildrenOnly);
    if (timer == nullptr) {
        timer = new QTimer(window);
        timer->setObjectName(name);
        timer->setSingleShot(true);
        timer->setInterval(kKeepPageAfter);
        QObject::connect(timer, &QTimer::timeout, window, [window] {
            QSettings().setValue(QStringLiteral("window/page"), window->property(kShownPage));
        });
    }
    window->setProperty(kShownPage, id);
    timer->start();
}

constexpr int kLayoutVersion = 3;  // rises when docks stand elsewhere or have other names

}  // namespace

MainWindow::MainWindow(EngineLink* engine, QWidget* parent)
    : QMainWindow(parent),
      m_engine(engine),
      m_runs(new RunController(engine, this)),
      m_actions(new ActionRegistry(this)),
      m_services{engine, m_runs, m_actions} {
    setObjectName(QStringLiteral("window"));
    // Under 1366 x 768 pages have no room for all that they show; a smaller screen decides for itself.
    setMinimumSize(QSize(1366, 768).boundedTo(screen()->availableSize()).expandedTo({960, 600}));
    resize(1440, 900);
    setAcceptDrops(true);
    QApplication::setWindowIcon(QIcon::fromTheme(QStringLiteral("org.caravan.Workbench"), markIcon()));
    setContextMenuPolicy(Qt::NoContextMenu);
    makeActions();
    auto* center = new QWidget;
    auto* column = new QVBoxLayout(center);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    auto* row = new QHBoxLayout;
    row->setSpacing(0);
    m_focus = new FocusKeeper(this);
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
        if (!m_project) openProject(projectOfRun(m_runs->live().folder));
        follow(QStringLiteral("tune"), {{QStringLiteral("run"), m_runs->live().name}});
    });
    connect(m_rail, &Rail::chosen, this, &MainWindow::showPage);
    connectEngine();
    restoreLayout();
    closeProject();
}

MainWindow::~MainWindow() {
    if (!property(kShownPage).toString().isEmpty())
        QSettings().setValue(QStringLiteral("window/page"), property(kShownPage));
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
        if (entry.group == PageGroup::Settings) {
            m_rail->addPageAtEnd(page->id(), page->title());
        } else {
            if (group && *group != entry.group) m_rail->addSeparator();
            group = entry.group;
            m_rail->addPage(page->id(), page->title());
        }
        connect(page, &Page::linkActivated, this, &MainWindow::follow);
        connect(page, &Page::statusChanged, this, [this] {
            renewTitle();
            renewStatus();
        });
    }
    static const QStringList numbers{"models",  "upcycle", "data",     "tune",
                                     "routing", "chat",    "evaluate", "runs"};
    QString keys;  // that a page of the menu has taken
    for (Page* page : m_pages) {
        const int number = static_cast<int>(numbers.indexOf(page->id())) + 1;
        m_actions->add(
            {.id = QStringLiteral("go.") + page->id(),
             .text = withKey(page->title(), &keys),
             .menu = QStringLiteral("window"),
             .shortcut = number > 0 ? QKeySequence(Qt::ALT | static_cast<Qt::Key>(Qt::Key_0 + number))
                                    : QKeySequence(Qt::CTRL | Qt::Key_Comma),
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
        m_focus->leave(m_current);
        m_current = next;
        m_stack->setCurrentWidget(next);
        next->hostMessages(m_banners);
        m_actions->setActivePage(id);
        next->setActive(true);
        m_focus->enter(next);
        next->setProperty("seen", true);
        keepPageSoon(this, id);
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

LiveRun MainWindow::namedRun() const {
    LiveRun run = m_runs->live();
    const RunEntry* entry = m_project && run.exists() ? m_project->run(run.folder) : nullptr;
    if (entry) run.name = entry->title;
    if (m_project && !entry && run.exists() && !run.isActive() && !run.engineDied)
        return {};  // deleted since
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
    m_status->setEngine(*m_engine, m_runs->live().engineDied);
    QStringList hints = m_current ? m_current->keyHints().mid(0, 2) : QStringList();
    hints << tr("Ctrl+K find anything");
    m_status->setPageTexts(m_current ? m_current->statusFact() : QString(), hints);
}

void MainWindow::resizeEvent(QResizeEvent* event) {
    QMainWindow::resizeEvent(event);
    if (m_palette) m_palette->hide();
    if (m_tour) m_tour->place();
}

// Splitters of a page, in the order in which they were made.
static QVariantList splitterStates(const Page* page) {
    QVariantList states;
    for (const QSplitter* splitter : page->findChildren<QSplitter*>())
        states << splitter->saveState();
    return states;
}

static void restoreSplitters(const Page* page, const QVariantList& states) {
    const QList<QSplitter*> splitters = page->findChildren<QSplitter*>();
    if (splitters.size() != states.size()) return;  // of another version
    for (qsizetype i = 0; i < splitters.size(); ++i)
        splitters[i]->restoreState(states[i].toByteArray());
}

void MainWindow::saveLayout() {
    QSettings settings;
    settings.setValue(QStringLiteral("window/geometry"), saveGeometry());
    settings.setValue(QStringLiteral("window/project"), m_project ? m_project->folder() : QString());
    for (Page* page : m_pages) {
        if (!page->property("seen").toBool()) continue;  // has no sizes yet
        settings.setValue(QStringLiteral("layout/") + page->id(), page->saveState(kLayoutVersion));
        settings.setValue(QStringLiteral("splitters/") + page->id(), splitterStates(page));
    }
}

void MainWindow::restoreLayout() {
    QSettings settings;
    restoreGeometry(settings.value(QStringLiteral("window/geometry")).toByteArray());
    for (Page* page : m_pages) {
        page->setProperty("defaultState", page->saveState(kLayoutVersion));
        page->setProperty("defaultSplitters", splitterStates(page));
        page->resize(size());  // a hidden page is small: docks that are restored in it would stay small
        page->restoreState(settings.value(QStringLiteral("layout/") + page->id()).toByteArray(),
                           kLayoutVersion);
        restoreSplitters(page, settings.value(QStringLiteral("splitters/") + page->id()).toList());
    }
}

void MainWindow::resetLayout() {
    if (!m_current) return;
    m_current->restoreState(m_current->property("defaultState").toByteArray(), kLayoutVersion);
    restoreSplitters(m_current, m_current->property("defaultSplitters").toList());
}

QString MainWindow::lastProject() {
    const QString folder = QSettings().value(QStringLiteral("window/project")).toString();
    return !folder.isEmpty() && QFileInfo::exists(folder) ? folder : QString();
}

}  // namespace caravan::ui
