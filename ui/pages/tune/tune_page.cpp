// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/tune/tune_page.h"

#include <QAction>
#include <QClipboard>
#include <QComboBox>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QStackedWidget>
#include <QVBoxLayout>

#include "projects/project.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/tune/live_routing.h"
#include "ui/pages/tune/run_progress.h"
#include "ui/pages/tune/samples_view.h"
#include "ui/pages/tune/tune_plots.h"
#include "ui/routing_source.h"
#include "ui/run_follower.h"
#include "ui/shell/pane_header.h"
#include "ui/theme/style.h"
#include "widgets/chart_pane.h"
#include "widgets/chip.h"
#include "widgets/curve_plot.h"
#include "widgets/message_bar.h"

namespace caravan::ui {
namespace {
constexpr int kRefreshEvery = 100;  // ms: curves and map at most 10 times a second
enum Center { Empty, Run };
const QString kNoRunText = QStringLiteral("noRunText"), kOpenDemo = QStringLiteral("openDemo");
}  // namespace

TunePage::TunePage(const Services& services, QWidget* parent)
    : Page(QStringLiteral("tune"), tr("Tune"), services, parent),
      m_run(new RunFollower(services, this)),
      m_source(new RoutingSource(this)) {
    makeHeader();
    makeCenter();
    makeDocks();
    connectServices();
    m_refresh.setSingleShot(true);
    m_refresh.setInterval(kRefreshEvery);
    connect(&m_refresh, &QTimer::timeout, this, &TunePage::refresh);
    showState();
}

TunePage::~TunePage() = default;

void TunePage::makeHeader() {
    m_tag = new widgets::Chip;
    addHeaderWidget(m_run->box());
    addHeaderWidget(m_tag);
    m_sampleButton = textButton(tr("Sample now"), QStringLiteral("chat"));
    m_sampleButton->setToolTip(tr("Answers the sample prompts after this step"));
    m_checkpointButton = textButton(tr("Save checkpoint"), QStringLiteral("export"));
    m_mainButton = textButton(tr("Pause"), QStringLiteral("pause"), true);
    m_stopButton = textButton(tr("Stop and save"), QStringLiteral("stop"));
    makeResumeMenu();
    for (QPushButton* button : {m_sampleButton, m_checkpointButton, m_mainButton, m_stopButton})
        addHeaderButton(button);
    m_main = new QAction(tr("Pause"), this);
    connect(m_main, &QAction::triggered, this, &TunePage::actMain);
    connect(m_mainButton, &QPushButton::clicked, this, &TunePage::actMain);
    connect(m_sampleButton, &QPushButton::clicked, this, [this] { services().runs->sampleNow(); });
    connect(m_checkpointButton, &QPushButton::clicked, this, [this] { services().runs->checkpoint(); });
    connect(m_stopButton, &QPushButton::clicked, this, [this] { services().runs->stop(); });
    m_progress = new RunProgress;
    m_stateBar = new widgets::MessageBar;
    m_stateBar->setClosable(false);
    m_alarmBar = new widgets::MessageBar;
    addBar(m_progress);
    addBar(m_stateBar);
    addBar(m_alarmBar);
    connect(m_alarmBar, &widgets::MessageBar::closed, this, [this] { m_closedAlarm = m_alarmBar->title(); });
}

void TunePage::makeCenter() {
    auto* empty = new Surface(Token::Base);
    auto* column = new QVBoxLayout(empty);
    auto* title = new ThemedLabel(tr("No run yet"), widgets::TextRole::Section);
    auto* text = new ThemedLabel(QString(), widgets::TextRole::Body, Token::Text2);
    QPushButton* fresh = textButton(tr("New run"), QStringLiteral("plus"), true);
    QPushButton* demo = textButton(tr("Open the demo"), QStringLiteral("play"));
    text->setObjectName(kNoRunText);
    demo->setObjectName(kOpenDemo);
    auto* buttons = new QHBoxLayout;
    buttons->addStretch();
    buttons->addWidget(fresh);
    buttons->addWidget(demo);
    buttons->addStretch();
    buttons->setSpacing(12);
    column->addStretch();
    column->addWidget(title, 0, Qt::AlignHCenter);
    column->addWidget(text, 0, Qt::AlignHCenter);
    column->addSpacing(12);
    column->addLayout(buttons);
    column->addStretch();
    connect(fresh, &QPushButton::clicked, this,
            [this] { Q_EMIT linkActivated(QStringLiteral("upcycle"), {}); });
    connect(demo, &QPushButton::clicked, this, [this] {
        if (QAction* action = services().actions != nullptr
                                  ? services().actions->find(QStringLiteral("file.demo"))
                                  : nullptr)
            action->trigger();
    });

    auto* run = new Surface(Token::Base);
    auto* runColumn = new QVBoxLayout(run);
    runColumn->setContentsMargins(0, 0, 0, 0);
    runColumn->setSpacing(0);
    m_plots = new TunePlots;
    runColumn->addWidget(m_plots, 1);
    auto* command = new Surface(Token::Base, Surface::Top);
    command->setFixedHeight(32);
    auto* row = new QHBoxLayout(command);
    row->setContentsMargins(16, 0, 8, 0);
    row->addWidget(new ThemedLabel(tr("Command line"), widgets::TextRole::Caption, Token::Text2));
    m_command = new ElidedLabel(widgets::TextRole::Number, Token::Text2, Qt::ElideMiddle);
    m_command->setAccessibleName(tr("Equivalent command line"));
    row->addWidget(m_command, 1);
    QToolButton* copy = iconButton(QStringLiteral("copy"), tr("Copy the command line"));
    row->addWidget(copy);
    connect(copy, &QToolButton::clicked, this,
            [this] { QGuiApplication::clipboard()->setText(commandLine()); });
    runColumn->addWidget(command);

    makeOverlayMenu();
    makeBatchActions();
    m_center = new QStackedWidget;
    m_center->addWidget(empty);
    m_center->addWidget(run);
    setCentralWidget(m_center);
    connect(m_plots, &TunePlots::brushed, this, [this](qint64 first, qint64 last) {
        m_brush = qMakePair(first, last);
        m_samples->setWindow(first, last);
        m_source->requestSum(first, last);
        showRouting();
    });
    connect(m_plots, &TunePlots::brushCleared, this, [this] {
        m_brush.reset();
        m_record.reset();
        m_samples->setWindow(0, -1);
        if (!m_run->isHeld()) m_source->request(m_run->history().lastStep());
        showRouting();
    });
}

void TunePage::makeDocks() {
    m_routing = new LiveRouting;
    m_samples = new SamplesView;
    m_routingPane = new Pane(QStringLiteral("tune.routing"), tr("Routing"), m_routing, {430, 430}, this);
    m_samplesPane = new Pane(QStringLiteral("tune.samples"), tr("Samples"), m_samples, {430, 230}, this);
    m_routingPane->header()->addMenu(m_routing->pane()->chartActions());
    QToolButton* next = iconButton(QStringLiteral("right"), tr("Next prompt"));
    QToolButton* table = iconButton(QStringLiteral("table"), tr("All prompts at one step"));
    table->setCheckable(true);
    m_samplesPane->header()->addWidget(next);
    m_samplesPane->header()->addWidget(table);
    connect(table, &QToolButton::toggled, m_samples, &SamplesView::showTable);
    addDockWidget(Qt::RightDockWidgetArea, m_routingPane);
    addDockWidget(Qt::RightDockWidgetArea, m_samplesPane);
    m_samples->setEmptyText(
        tr("Answers to the fixed prompts appear here at each interval, and by Sample now."));
    connect(next, &QToolButton::clicked, m_samples, &SamplesView::nextPrompt);
    const auto showPrompt = [this, next] {
        const QString prompt = m_samples->promptText();
        m_samplesPane->header()->setContext(prompt.isEmpty() ? QString()
                                            : m_samples->isTableShown()
                                                ? tr("%n prompt(s)", nullptr, m_samples->promptCount())
                                                : QStringLiteral("“%1”").arg(prompt));
        next->setVisible(m_samples->promptCount() > 1 && !m_samples->isTableShown());
    };
    connect(m_samples, &SamplesView::promptChanged, this, showPrompt);
    // The cursor on the curves takes the answers along.
    connect(m_plots->plot(), &widgets::CurvePlot::cursorMoved, this, [this](double) {
        if (const auto step = m_plots->cursorStep()) m_samples->showStep(*step);
    });
    showPrompt();
    connect(m_routing, &LiveRouting::cellActivated, this, [this](qint64 layer, int expert) {
        Q_EMIT linkActivated(QStringLiteral("routing"), {{QStringLiteral("run"), m_run->id()},
                                                         {QStringLiteral("layer"), layer},
                                                         {QStringLiteral("expert"), expert}});
    });
    connect(m_source, &RoutingSource::recordReady, this,
            [this](const std::shared_ptr<const engine::RoutingRecord>& record) {
                if (m_run->isHeld() && !m_brush) return;  // the newest comes with the events
                m_record = record;
                showRouting();
            });
}

void TunePage::connectServices() {
    connect(m_run, &RunFollower::chosen, this, &TunePage::runChosen);
    connect(m_run, &RunFollower::listed, this, [this] { renew(); });
    connect(m_run, &RunFollower::loaded, this, [this] {
        if (!m_run->isHeld() && m_run->history().lastStep() > 0)
            m_source->request(m_run->history().lastStep());
        renew();
    });
    connect(m_run, &RunFollower::reached, this, [this] { renewSoon(); });
    connect(m_run, &RunFollower::grown, this, [this] { renewSoon(); });
    connect(services().engine, &EngineLink::stateChanged, this, [this] { showState(); });
    connect(services().engine, &EngineLink::deviceChanged, this, &TunePage::notePower);
    RunController* runs = services().runs;
    if (runs == nullptr) return;
    connect(runs, &RunController::liveChanged, this, [this] { renewSoon(); });
    connect(runs, &RunController::stateChanged, this, [this] {
        m_stale = true;
        if (isActive()) refresh();
    });
}

void TunePage::setProject(ProjectContext* project) {
    Page::setProject(project);
    m_run->setProject(project);
    const auto demo = QString::fromStdString((projects::Project::defaultFolder() / "demo").string());
    const bool inDemo = project != nullptr && project->folder() == demo;  // it needs not be opened again
    findChild<QLabel*>(kNoRunText)
        ->setText(
            inDemo ? tr("Upcycle has its settings ready: create one there, then start it on the Data page.")
                   : tr("A run is made on the Upcycle page: a base model, experts, data. The demo shows "
                        "all of it in minutes."));
    findChild<QPushButton*>(kOpenDemo)->setVisible(!inDemo);
}

void TunePage::showRun(const QString& runId) {
    m_run->choose(runId);
}

void TunePage::openLink(const QVariantMap& arguments) {
    if (const QString run = arguments.value(QStringLiteral("run")).toString(); !run.isEmpty())
        m_run->choose(run);
    if (arguments.contains(QStringLiteral("step")))
        m_plots->plot()->setCursorX(arguments.value(QStringLiteral("step")).toDouble());
}

void TunePage::runChosen() {
    m_record.reset();
    m_brush.reset();
    m_closedAlarm.clear();
    m_overlaid.removeAll(m_run->id());
    m_plots->clear();
    readPower();
    if (!m_overlaid.isEmpty()) readOverlays();
    m_samples->setWindow(0, -1);
    m_samples->setSamples({});
    if (m_run->id().isEmpty()) m_routing->clear({});
    m_source->setRun(m_run->folder());
    renew();
}

void TunePage::renew() {
    m_stale = true;
    if (isActive())
        refresh();
    else
        showState();
}

void TunePage::renewSoon() {
    m_stale = true;
    if (isActive() && !m_refresh.isActive()) m_refresh.start();
}

void TunePage::setActive(bool active) {
    Page::setActive(active);
    if (active && m_stale) refresh();
}

void TunePage::actMain() {
    RunController* runs = services().runs;
    const RunEntry* run = m_run->entry();
    if (runs == nullptr || run == nullptr || !m_mainButton->isEnabled()) return;
    switch (state()) {
        case engine::RunState::Running:
            runs->pause();
            break;
        case engine::RunState::Paused:
            runs->proceed();
            break;
        case engine::RunState::Created:
            if (services().runs->live().isActive())
                project()->queueRun(m_run->id());
            else
                project()->startRun(m_run->id());
            break;
        case engine::RunState::Queued:
            project()->startQueue();
            break;
        case engine::RunState::Stopped:
        case engine::RunState::Interrupted:
        case engine::RunState::Failed:
            runs->resume(m_run->folder(), {}, totalSteps());
            break;
        default:
            break;
    }
}

QStringList TunePage::keyHints() const {
    if (m_run->id().isEmpty()) return {};  // nothing that a key could act upon
    QStringList hints{tr("B batch of a step")};
    switch (state()) {
        case engine::RunState::Running:
            hints << tr("Ctrl+P pause");
            break;
        case engine::RunState::Paused:
            hints << tr("Ctrl+P continue");
            break;
        case engine::RunState::Stopped:
        case engine::RunState::Interrupted:
        case engine::RunState::Failed:
            hints << tr("Ctrl+R resume");
            break;
        default:
            hints << tr("Ctrl+T table");
    }
    return hints;
}

engine::RunState TunePage::state() const {
    if (m_run->isHeld()) return services().runs->live().state;
    const RunEntry* run = m_run->entry();
    return run != nullptr ? run->state : engine::RunState::Created;
}

std::int64_t TunePage::totalSteps() const {
    if (m_run->isHeld() && services().runs->live().steps > 0) return services().runs->live().steps;
    const RunEntry* run = m_run->entry();
    if (run == nullptr) return 0;
    if (run->steps > 0) return run->steps;
    return run->recipe.tune.steps.value_or(0);
}

QString TunePage::stateTag() const {
    return m_tag->text();
}

QString TunePage::commandLine() const {
    if (m_run->folder().isEmpty()) return {};
    const auto quoted = [](const QString& path) {
        return path.contains(QLatin1Char(' ')) ? QLatin1Char('\'') + path + QLatin1Char('\'') : path;
    };
    if (state() == engine::RunState::Queued)
        return QStringLiteral("caravan-cli runs next --project %1").arg(quoted(project()->folder()));
    if (state() == engine::RunState::Created)
        return QStringLiteral("caravan-cli tune --recipe %1 --project %2")
            .arg(quoted(m_run->folder() + QStringLiteral("/recipe.json")), quoted(project()->folder()));
    if (state() == engine::RunState::Finished || state() == engine::RunState::Running ||
        state() == engine::RunState::Paused || state() == engine::RunState::Loading)
        return QStringLiteral("caravan-cli tune --recipe %1 --project %2")
            .arg(quoted(m_run->folder() + QStringLiteral("/recipe.json")), quoted(project()->folder()));
    return QStringLiteral("caravan-cli resume %1").arg(quoted(m_run->folder()));
}

Page* makeTunePage(const Services& services, QWidget* parent) {
    return new TunePage(services, parent);
}

}  // namespace caravan::ui
