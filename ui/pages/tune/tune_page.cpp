// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/tune/tune_page.h"

#include <QAction>
#include <QClipboard>
#include <QComboBox>
#include <QDir>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QStackedWidget>
#include <QVBoxLayout>

#include "projects/metrics_file.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/tune/live_routing.h"
#include "ui/pages/tune/run_progress.h"
#include "ui/pages/tune/samples_view.h"
#include "ui/pages/tune/tune_plots.h"
#include "ui/routing_source.h"
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
}  // namespace

TunePage::TunePage(const Services& services, QWidget* parent)
    : Page(QStringLiteral("tune"), tr("Tune"), services, parent), m_source(new RoutingSource(this)) {
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
    m_runs = new QComboBox;
    m_runs->setMinimumWidth(200);
    m_runs->setAccessibleName(tr("Run"));
    m_tag = new widgets::Chip;
    addHeaderWidget(m_runs);
    addHeaderWidget(m_tag);
    m_sampleButton = textButton(tr("Sample now"), QStringLiteral("chat"));
    m_sampleButton->setToolTip(tr("Answers the sample prompts after this step"));
    m_checkpointButton = textButton(tr("Save checkpoint"), QStringLiteral("export"));
    m_mainButton = textButton(tr("Pause"), QStringLiteral("pause"), true);
    m_stopButton = textButton(tr("Stop and save"), QStringLiteral("stop"));
    for (QPushButton* button : {m_sampleButton, m_checkpointButton, m_mainButton, m_stopButton})
        addHeaderButton(button);
    m_main = new QAction(tr("Pause"), this);
    connect(m_main, &QAction::triggered, this, &TunePage::actMain);
    connect(m_mainButton, &QPushButton::clicked, this, &TunePage::actMain);
    connect(m_sampleButton, &QPushButton::clicked, this, [this] { services().runs->sampleNow(); });
    connect(m_checkpointButton, &QPushButton::clicked, this, [this] { services().runs->checkpoint(); });
    connect(m_stopButton, &QPushButton::clicked, this, [this] { services().runs->stop(); });
    connect(m_runs, &QComboBox::activated, this, [this](int index) {
        const QString id = m_runs->itemData(index).toString();
        if (project() != nullptr) project()->selectRun(id);
        choose(id);
    });
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
    auto* text = new ThemedLabel(tr("A run is made on the Upcycle page: a base model, experts, data. The "
                                    "demo shows all of it in minutes."),
                                 widgets::TextRole::Body, Token::Text2);
    QPushButton* fresh = textButton(tr("New run"), QStringLiteral("plus"), true);
    QPushButton* demo = textButton(tr("Open the demo"), QStringLiteral("play"));
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
        if (!isLive()) m_source->request(m_history.lastStep());
        showRouting();
    });
}

void TunePage::makeDocks() {
    m_routing = new LiveRouting;
    m_samples = new SamplesView;
    m_routingPane = new Pane(QStringLiteral("tune.routing"), tr("Routing"), m_routing, this);
    m_samplesPane = new Pane(QStringLiteral("tune.samples"), tr("Samples"), m_samples, this);
    m_routingPane->header()->addMenu({m_routing->pane()->tableAction(), m_routing->pane()->exportAction()});
    QToolButton* next = iconButton(QStringLiteral("right"), tr("Next prompt"));
    m_samplesPane->header()->addWidget(next);
    addDockWidget(Qt::RightDockWidgetArea, m_routingPane);
    addDockWidget(Qt::RightDockWidgetArea, m_samplesPane);
    resizeDocks({m_routingPane, m_samplesPane}, {430, 430}, Qt::Horizontal);
    resizeDocks({m_routingPane, m_samplesPane}, {430, 230}, Qt::Vertical);
    m_samples->setEmptyText(
        tr("Answers to the fixed prompts appear here at each interval, and by Sample now."));
    connect(next, &QToolButton::clicked, m_samples, &SamplesView::nextPrompt);
    const auto showPrompt = [this, next] {
        const QString prompt = m_samples->promptText();
        m_samplesPane->header()->setContext(prompt.isEmpty() ? QString()
                                                             : QStringLiteral("“%1”").arg(prompt));
        next->setVisible(m_samples->promptCount() > 1);
    };
    connect(m_samples, &SamplesView::promptChanged, this, showPrompt);
    showPrompt();
    connect(m_routing, &LiveRouting::cellActivated, this, [this](qint64 layer, int expert) {
        Q_EMIT linkActivated(QStringLiteral("routing"), {{QStringLiteral("run"), m_runId},
                                                         {QStringLiteral("layer"), layer},
                                                         {QStringLiteral("expert"), expert}});
    });
    connect(m_source, &RoutingSource::recordReady, this,
            [this](const std::shared_ptr<const engine::RoutingRecord>& record) {
                if (isLive() && !m_brush) return;  // the newest comes with the events
                m_record = record;
                showRouting();
            });
}

void TunePage::connectServices() {
    RunController* runs = services().runs;
    if (runs == nullptr) return;
    connect(runs, &RunController::events, this, &TunePage::take);
    connect(runs, &RunController::liveChanged, this, [this] {
        m_stale = true;
        if (isActive() && !m_refresh.isActive()) m_refresh.start();
    });
    connect(runs, &RunController::stateChanged, this, [this](const QString& folder, engine::RunState) {
        if (m_runId.isEmpty() || (project() != nullptr && project()->run(folder) != nullptr && !isLive() &&
                                  services().runs->live().isActive())) {
            if (project() != nullptr)
                if (const RunEntry* run = project()->run(folder))
                    choose(run->id);  // a run that starts is looked at
        }
        m_stale = true;
        if (isActive()) refresh();
    });
    connect(services().engine, &EngineLink::stateChanged, this, [this] { showState(); });
}

void TunePage::setProject(ProjectContext* project) {
    if (this->project() != nullptr) this->project()->disconnect(this);
    Page::setProject(project);
    m_source->setRun({});
    m_runId.clear();
    m_runFolder.clear();
    m_history.clear();
    m_plots->clear();
    m_routing->clear({});
    m_samples->setSamples({});
    ++m_load;
    m_loading = false;
    if (project != nullptr) {
        connect(project, &ProjectContext::runsChanged, this, &TunePage::fillRuns);
        connect(project, &ProjectContext::selectedRunChanged, this,
                [this](const QString& id) { choose(id); });
    }
    fillRuns();
}

void TunePage::fillRuns() {
    const QSignalBlocker blocker(m_runs);
    m_runs->clear();
    if (project() != nullptr)
        for (const RunEntry& run : project()->runs())
            m_runs->addItem(QStringLiteral("%1  %2").arg(run.id, run.title), run.id);
    QString wanted = m_runId;
    if (project() != nullptr && project()->run(wanted) == nullptr) wanted = project()->selectedRun();
    if (wanted.isEmpty() && project() != nullptr && !project()->runs().isEmpty())
        wanted = project()->runs().first().id;
    choose(wanted);
    m_runs->setCurrentIndex(m_runs->findData(m_runId));
    m_stale = true;
    if (isActive())
        refresh();
    else
        showState();
}

void TunePage::showRun(const QString& runId) {
    choose(runId);
}

void TunePage::openLink(const QVariantMap& arguments) {
    if (const QString run = arguments.value(QStringLiteral("run")).toString(); !run.isEmpty()) choose(run);
    if (arguments.contains(QStringLiteral("step")))
        m_plots->plot()->setCursorX(arguments.value(QStringLiteral("step")).toDouble());
}

void TunePage::choose(const QString& runId) {
    const RunEntry* run = project() != nullptr ? project()->run(runId) : nullptr;
    const QString id = run != nullptr ? run->id : QString();
    if (id == m_runId && (run == nullptr || run->folder == m_runFolder)) return;
    m_runId = id;
    m_runFolder = run != nullptr ? run->folder : QString();
    m_runs->setCurrentIndex(m_runs->findData(m_runId));
    m_history.clear();
    m_waiting.clear();
    m_record.reset();
    m_brush.reset();
    m_closedAlarm.clear();
    m_plots->clear();
    m_samples->setWindow(0, -1);
    m_samples->setSamples({});
    m_source->setRun(m_runFolder);
    load();
    m_stale = true;
    if (isActive())
        refresh();
    else
        showState();
}

void TunePage::load() {
    const quint64 load = ++m_load;
    m_loading = false;
    if (m_runFolder.isEmpty() || project() == nullptr) return;
    m_loading = true;
    using Events = engine::Result<std::vector<engine::RunEvent>>;
    const std::string file = QDir(m_runFolder).filePath(QStringLiteral("metrics.jsonl")).toStdString();
    runInBackground<Events>(
        QThreadPool::globalInstance(), this, [file] { return projects::readMetrics(file); },
        [this, load](const Events& events) {
            if (load != m_load) return;
            m_loading = false;
            if (events)
                for (const engine::RunEvent& event : *events)
                    m_history.apply(event);
            for (const RunEventItem& item : std::exchange(m_waiting, {}))
                m_history.apply(item.event);
            if (!isLive() && m_history.lastStep() > 0) m_source->request(m_history.lastStep());
            m_stale = true;
            if (isActive()) refresh();
        });
}

void TunePage::take(const QString& runFolder, const RunEventBatch& batch) {
    if (runFolder != m_runFolder) return;
    if (m_loading) {
        m_waiting += batch;
        return;
    }
    for (const RunEventItem& item : batch)
        m_history.apply(item.event);
    m_stale = true;
    if (isActive() && !m_refresh.isActive()) m_refresh.start();
}

void TunePage::setActive(bool active) {
    Page::setActive(active);
    if (active && m_stale) refresh();
}

void TunePage::actMain() {
    RunController* runs = services().runs;
    const RunEntry* run = entry();
    if (runs == nullptr || run == nullptr || !m_mainButton->isEnabled()) return;
    switch (state()) {
        case engine::RunState::Running:
            runs->pause();
            break;
        case engine::RunState::Paused:
            runs->proceed();
            break;
        case engine::RunState::Created:
            project()->startRun(m_runId);
            break;
        case engine::RunState::Stopped:
        case engine::RunState::Interrupted:
        case engine::RunState::Failed:
            runs->resume(m_runFolder, {}, totalSteps());
            break;
        default:
            break;
    }
}

QStringList TunePage::keyHints() const {
    return {tr("Ctrl+P pause"), tr("Ctrl+T table")};
}

const RunEntry* TunePage::entry() const {
    return project() != nullptr ? project()->run(m_runId) : nullptr;
}

bool TunePage::isLive() const {
    return services().runs != nullptr && !m_runFolder.isEmpty() &&
           services().runs->live().folder == m_runFolder;
}

engine::RunState TunePage::state() const {
    if (isLive()) return services().runs->live().state;
    const RunEntry* run = entry();
    return run != nullptr ? run->state : engine::RunState::Created;
}

std::int64_t TunePage::totalSteps() const {
    if (isLive() && services().runs->live().steps > 0) return services().runs->live().steps;
    const RunEntry* run = entry();
    if (run == nullptr) return 0;
    if (run->steps > 0) return run->steps;
    return run->recipe.tune.steps.value_or(0);
}

std::int64_t TunePage::modelLayers() const {
    if (project() == nullptr || entry() == nullptr) return 0;
    const QString path =
        QDir(m_runFolder).absoluteFilePath(QString::fromStdString(entry()->recipe.model.path));
    const ModelEntry* model = project()->model(QDir::cleanPath(path));
    return model != nullptr && model->status == ModelEntry::Status::Ready ? model->inspection.config.layers
                                                                          : 0;
}

QString TunePage::stateTag() const {
    return m_tag->text();
}

QString TunePage::commandLine() const {
    if (m_runFolder.isEmpty()) return {};
    const auto quoted = [](const QString& path) {
        return path.contains(QLatin1Char(' ')) ? QLatin1Char('\'') + path + QLatin1Char('\'') : path;
    };
    if (state() == engine::RunState::Created)
        return QStringLiteral("caravan-cli tune --recipe %1 --project %2")
            .arg(quoted(m_runFolder + QStringLiteral("/recipe.json")), quoted(project()->folder()));
    if (state() == engine::RunState::Finished || state() == engine::RunState::Running ||
        state() == engine::RunState::Paused || state() == engine::RunState::Loading)
        return QStringLiteral("caravan-cli tune --recipe %1 --project %2")
            .arg(quoted(m_runFolder + QStringLiteral("/recipe.json")), quoted(project()->folder()));
    return QStringLiteral("caravan-cli resume %1").arg(quoted(m_runFolder));
}

Page* makeTunePage(const Services& services, QWidget* parent) {
    return new TunePage(services, parent);
}

}  // namespace caravan::ui
