// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/routing/routing_page.h"

#include <QAction>
#include <QComboBox>
#include <QHBoxLayout>
#include <QPushButton>
#include <QShortcut>
#include <QSpinBox>
#include <QStackedWidget>
#include <QVBoxLayout>

#include "ui/actions/action_registry.h"
#include "ui/analysis_source.h"
#include "ui/bridge/run_controller.h"
#include "ui/pages/routing/analysis_panes.h"
#include "ui/pages/routing/load_map.h"
#include "ui/pages/routing/routing_filters.h"
#include "ui/pages/routing/statistic_tiles.h"
#include "ui/routing_source.h"
#include "ui/shell/pane_header.h"
#include "widgets/chart_pane.h"
#include "widgets/chip.h"
#include "widgets/expert_bars.h"
#include "widgets/heat_map.h"
#include "widgets/timeline_scrubber.h"

namespace caravan::ui {
namespace {
constexpr int kRefreshEvery = 100, kPollEvery = 1000, kPlayEvery = 200;  // ms
}

RoutingPage::RoutingPage(const Services& services, QWidget* parent)
    : Page(QStringLiteral("routing"), tr("Routing"), services, parent),
      m_run(new RunFollower(services, this)),
      m_source(new RoutingSource(this)) {
    makeHeader();
    makeBars();
    makeComparison();
    makeAnalysis();
    makeCenter();
    makePanes();
    makeKeys();
    connectServices();
    showEmpty();
}

RoutingPage::~RoutingPage() = default;

void RoutingPage::makeHeader() {
    m_tag = new widgets::Chip;
    addHeaderWidget(m_run->box());
    addHeaderWidget(m_tag);
    m_tableButton = textButton(tr("View as table"), QStringLiteral("table"));
    m_tableButton->setCheckable(true);
    m_exportButton = textButton(tr("Export"), QStringLiteral("export"));
    m_analyseButton = textButton(tr("Analyse…"), QStringLiteral("evaluate"));
    m_compareButton = textButton(tr("Compare with…"), QStringLiteral("split"));
    addHeaderButton(m_analyseButton);
    addHeaderButton(m_compareButton);
    addHeaderButton(m_tableButton);
    addHeaderButton(m_exportButton);
}

void RoutingPage::makeBars() {
    m_filters = new RoutingFilters;
    m_tiles = new StatisticTiles;
    auto* bar = new Surface(Token::Base, Surface::Bottom);
    m_timeBar = bar;
    bar->setFixedHeight(60);
    auto* row = new QHBoxLayout(bar);
    row->setContentsMargins(24, 0, 10, 1);
    row->setSpacing(8);
    m_playButton = iconButton(QStringLiteral("play"), tr("Play (Space)"));
    m_playButton->setFixedSize(28, 28);
    m_playButton->setProperty("framed", true);
    m_playButton->setAutoRaise(false);
    m_step = new QSpinBox;
    m_step->setAccessibleName(tr("Step"));
    m_step->setFont(widgets::numberFont());
    m_step->setFixedWidth(88);
    m_step->setAlignment(Qt::AlignRight);
    m_step->setKeyboardTracking(false);
    m_step->setFocusPolicy(Qt::StrongFocus);
    m_followButton = textButton(tr("Follow live"), QStringLiteral("skip"));
    m_followButton->setCheckable(true);
    m_followButton->setChecked(true);
    m_timeline = new widgets::TimelineScrubber;
    row->addWidget(m_playButton);
    row->addWidget(m_step);
    row->addWidget(m_followButton);
    row->addWidget(m_timeline, 1);
    addBar(m_filters);
    addBar(m_tiles);
    addBar(bar);
    m_play.setInterval(kPlayEvery);
    connect(m_filters, &RoutingFilters::changed, this, [this] { showView(); });
    connect(m_tiles, &StatisticTiles::currentChanged, this, [this](int tile) {
        m_curve = tile;
        if (m_record) showTimeline();
    });
    connect(m_playButton, &QToolButton::clicked, this, [this] { setPlaying(!isPlaying()); });
    connect(&m_play, &QTimer::timeout, this, [this] {
        if (!m_timeline->stepRecord(1)) setPlaying(false);
    });
    connect(m_timeline, &widgets::TimelineScrubber::scrubbed, this, &RoutingPage::goTo);
    connect(m_timeline, &widgets::TimelineScrubber::playRequested, this,
            [this] { setPlaying(!isPlaying()); });
    connect(m_step, &QSpinBox::valueChanged, this,
            [this](int step) { goTo(m_timeline->nearestPoint(step)); });
    connect(m_followButton, &QPushButton::clicked, this, [this] { setFollow(true); });
}

void RoutingPage::makeCenter() {
    m_map = new widgets::HeatMap;
    m_map->setBarTitle(tr("MaxVio"), 1.0);
    m_map->setMaximumCell({112, 88});
    m_map->setTip([this](int row, int expert) { return cellTip(row, expert); });
    m_mapPane = new widgets::ChartPane(m_map);
    m_mapPane->setExportName(tr("routing"));
    auto* pane = new Surface(Token::Base);
    auto* column = new QVBoxLayout(pane);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    m_mapHeader = new PaneHeader(tr("Load"));
    m_mapHeader->addMenu(m_mapPane->chartActions());
    column->addWidget(m_mapHeader);
    auto* inner = new QVBoxLayout;
    inner->setContentsMargins(12, 0, 8, 0);
    inner->addWidget(m_mapPane);
    column->addLayout(inner, 1);
    m_mapNote = new ThemedLabel(QString(), widgets::TextRole::Caption, Token::Text2);
    m_mapNote->setContentsMargins(16, 4, 16, 8);
    m_mapNote->setWordWrap(true);
    column->addWidget(m_mapNote);
    pane->setMinimumWidth(430);
    auto* empty = new Surface(Token::Base);
    auto* emptyColumn = new QVBoxLayout(empty);
    m_empty = new ThemedLabel(QString(), widgets::TextRole::Body, Token::Text2);
    m_empty->setAlignment(Qt::AlignCenter);
    m_empty->setWordWrap(true);  // the map's pane would keep its width
    emptyColumn->addWidget(m_empty);
    m_center = new QStackedWidget;
    m_center->addWidget(empty);
    m_center->addWidget(pane);
    setCentralWidget(m_center);
    connect(m_tableButton, &QPushButton::clicked, m_mapPane, &widgets::ChartPane::setTableShown);
    connect(m_mapPane->tableAction(), &QAction::toggled, m_tableButton, &QPushButton::setChecked);
    connect(m_exportButton, &QPushButton::clicked, m_mapPane->exportAction(), &QAction::trigger);
    connect(m_map, &widgets::HeatMap::currentCellChanged, this, [this](int, int expert) {
        m_bars->setCurrentExpert(expert);
        showLayer();
        showAnalysis();
    });
}

void RoutingPage::makePanes() {
    m_bars = new widgets::ExpertBars;
    m_bars->setEmptyText(tr("Choose a cell of the map."));
    m_barsPane = new widgets::ChartPane(m_bars);
    m_barsPane->setExportName(tr("shares"));
    auto* shares = new Surface(Token::Base);
    auto* sharesColumn = new QVBoxLayout(shares);
    sharesColumn->setContentsMargins(12, 0, 12, 8);
    sharesColumn->addWidget(m_barsPane);
    m_sharesPane =
        new Pane(QStringLiteral("routing.shares"), tr("Share by domain"), shares, {500, 300}, this);
    m_legend = new widgets::FillLegend;
    m_sharesPane->header()->addWidget(m_legend);
    m_sharesPane->header()->addMenu(m_barsPane->chartActions());

    makeCellPanes();
    addDockWidget(Qt::RightDockWidgetArea, m_sharesPane);
    splitDockWidget(m_sharesPane, m_cellPane, Qt::Horizontal);
    splitDockWidget(m_cellPane, m_pinnedPane, Qt::Vertical);
    m_pinnedPane->hide();
    splitDockWidget(m_sharesPane, m_panes->together(), Qt::Vertical);
    splitDockWidget(m_panes->together(), m_panes->similarity(), Qt::Horizontal);
    connect(m_bars, &widgets::ExpertBars::currentExpertChanged, this, [this](int expert) {
        if (expert >= 0 && m_map->currentRow() >= 0) m_map->setCurrentCell(m_map->currentRow(), expert);
    });
}

void RoutingPage::makeKeys() {
    const auto key = [this](QKeySequence keys, auto act) {
        auto* shortcut = new QShortcut(keys, m_map);
        shortcut->setContext(Qt::WidgetShortcut);
        connect(shortcut, &QShortcut::activated, this, act);
    };
    key(Qt::Key_BracketLeft, [this] { m_timeline->stepCheckpoint(-1); });
    key(Qt::Key_BracketRight, [this] { m_timeline->stepCheckpoint(1); });
    key(Qt::Key_PageUp, [this] { m_timeline->stepCheckpoint(-1); });
    key(Qt::Key_PageDown, [this] { m_timeline->stepCheckpoint(1); });
    key(Qt::Key_Space, [this] { setPlaying(!isPlaying()); });
    key(Qt::Key_D, [this] { m_filters->cycleDomain(); });
    key(Qt::Key_C, [this] { m_filters->cycleChoice(); });
    key(Qt::Key_P, [this] { pinCell(true); });
    if (services().actions == nullptr) return;
    services().actions->add({.id = QStringLiteral("routing.analyse"),
                             .text = tr("&Analyse…"),
                             .menu = QStringLiteral("routing"),
                             .shortcut = {},
                             .icon = QStringLiteral("evaluate"),
                             .page = id()},
                            this, [this] { m_analyseButton->click(); });
    services().actions->add({.id = QStringLiteral("routing.approximation"),
                             .text = tr("Approximation &error…"),
                             .menu = QStringLiteral("routing"),
                             .shortcut = {},
                             .icon = QStringLiteral("evaluate"),
                             .page = id()},
                            this, [this] { openApproximation(); });
    services().actions->add({.id = QStringLiteral("routing.compare"),
                             .text = tr("&Compare with…"),
                             .menu = QStringLiteral("routing"),
                             .shortcut = {},
                             .icon = QStringLiteral("split"),
                             .page = id()},
                            this, [this] { m_compareButton->toggle(); });
    services().actions->add({.id = QStringLiteral("routing.pin"),
                             .text = tr("&Pin the cell"),
                             .menu = QStringLiteral("routing"),
                             .shortcut = {},
                             .icon = QStringLiteral("pin"),
                             .page = id()},
                            this, [this] { pinCell(true); });
    services().actions->add({.id = QStringLiteral("routing.follow"),
                             .text = tr("&Follow live"),
                             .menu = QStringLiteral("routing"),
                             .shortcut = QKeySequence(Qt::CTRL | Qt::Key_L),
                             .icon = QStringLiteral("skip"),
                             .page = id()},
                            this, [this] { setFollow(true); });
}

void RoutingPage::connectServices() {
    m_refresh.setSingleShot(true);
    m_refresh.setInterval(kRefreshEvery);
    m_poll.setInterval(kPollEvery);
    connect(&m_refresh, &QTimer::timeout, this, &RoutingPage::refresh);
    connect(&m_poll, &QTimer::timeout, this, [this] {
        if (m_run->isLive()) m_source->refresh();
    });
    connect(m_source, &RoutingSource::stepsChanged, this, [this] {
        if (m_follow && !m_record && !m_source->steps().isEmpty())
            m_source->request(m_source->steps().last());
        renewSoon();
    });
    connect(m_source, &RoutingSource::recordReady, this,
            [this](const std::shared_ptr<const engine::RoutingRecord>& record) {
                if (m_follow && m_record && record->step < m_record->step) return;  // the live one is newer
                takeRecord(record);
            });
    connect(m_run, &RunFollower::chosen, this, &RoutingPage::runChosen);
    connect(m_run, &RunFollower::listed, this, [this] { renewSoon(); });
    connect(m_run, &RunFollower::loaded, this, [this] { renewSoon(); });
    connect(m_run, &RunFollower::grown, this, [this](const RunEventBatch& batch) {
        for (const RunEventItem& item : batch)
            if (const auto* record = std::get_if<engine::RoutingRecord>(&item.event);
                record != nullptr && m_follow)
                m_record = std::make_shared<engine::RoutingRecord>(*record);
        renewSoon();
    });
    if (services().runs != nullptr)
        connect(services().runs, &RunController::stateChanged, this, [this] { renewSoon(); });
}

void RoutingPage::setProject(ProjectContext* project) {
    Page::setProject(project);
    pinCell(false);
    m_run->setProject(project);
}

void RoutingPage::showRun(const QString& runId) {
    m_run->choose(runId);
}

void RoutingPage::openLink(const QVariantMap& arguments) {
    if (const QString run = arguments.value(QStringLiteral("run")).toString(); !run.isEmpty())
        m_run->choose(run);
    if (arguments.contains(QStringLiteral("layer")))
        m_wantedCell = qMakePair(arguments.value(QStringLiteral("layer")).toLongLong(),
                                 arguments.value(QStringLiteral("expert"), 0).toInt());
    if (arguments.contains(QStringLiteral("step")) && !m_run->isLive()) {
        m_follow = false;
        m_source->request(arguments.value(QStringLiteral("step")).toLongLong());
    }
    m_stale = true;
    if (isActive()) refresh();
}

void RoutingPage::runChosen() {
    m_record.reset();
    m_view = {};
    m_follow = true;
    setPlaying(false);
    m_source->setRun(m_run->isDense() ? QString() : m_run->folder());
    m_analysis->setRun(m_run->isDense() ? QString() : m_run->folder());
    m_compareButton->setChecked(false);
    m_stale = true;
    if (isActive()) refresh();
}

void RoutingPage::renewSoon() {
    m_stale = true;
    if (isActive() && !m_refresh.isActive()) m_refresh.start();
}

void RoutingPage::takeRecord(std::shared_ptr<const engine::RoutingRecord> record) {
    m_record = std::move(record);
    m_stale = true;
    if (isActive()) refresh();
}

void RoutingPage::goTo(qint64 step) {
    if (m_source->steps().isEmpty()) return;
    m_follow = false;
    m_followButton->setChecked(false);
    m_source->request(step);
}

void RoutingPage::setFollow(bool follow) {
    m_follow = follow;
    m_followButton->setChecked(follow);
    setPlaying(false);
    if (m_run->isLive() && m_run->history().latestRouting())
        takeRecord(std::make_shared<engine::RoutingRecord>(*m_run->history().latestRouting()));
    else if (!m_source->steps().isEmpty())
        m_source->request(m_source->steps().last());
}

void RoutingPage::setPlaying(bool playing) {
    if (playing && !m_timeline->points().isEmpty() && m_timeline->value() >= m_timeline->points().last().step)
        goTo(m_timeline->points().first().step);
    if (playing)
        m_play.start();
    else
        m_play.stop();
    if (m_playButton != nullptr) {
        m_playButton->setIcon(widgets::themeIcon(playing ? QStringLiteral("pause") : QStringLiteral("play")));
        m_playButton->setAccessibleName(playing ? tr("Pause playing") : tr("Play"));
    }
}

void RoutingPage::setActive(bool active) {
    Page::setActive(active);
    if (active) {
        m_poll.start();
        if (m_stale) refresh();
    } else {
        m_poll.stop();
        m_refresh.stop();
        setPlaying(false);
    }
}

QStringList RoutingPage::keyHints() const {
    return {tr("[ ] checkpoints"), tr("D domain, C choice, P pin")};
}

engine::StepIndex RoutingPage::shownStep() const {
    return m_record ? m_record->step : 0;
}
QString RoutingPage::liveTag() const {
    return m_tag->text();
}

Page* makeRoutingPage(const Services& services, QWidget* parent) {
    return new RoutingPage(services, parent);
}

}  // namespace caravan::ui
