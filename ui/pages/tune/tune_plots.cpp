// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/tune/tune_plots.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLocale>
#include <QSlider>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/format/format.h"
#include "ui/shell/pane_header.h"
#include "widgets/chart_pane.h"
#include "widgets/curve_legend.h"
#include "widgets/curve_plot.h"
#include "widgets/segmented.h"

namespace caravan::ui {
namespace {

using widgets::CurveInk;
using widgets::CurveStyle;
using widgets::LaneStyle;

constexpr std::size_t kMostDomains = 6;                            // over it: five and "others"
constexpr std::size_t kRowsAtOnce = 16 * widgets::Column::kChunk;  // some milliseconds for all curves
constexpr int kUsualSmoothing = 40;                                // of 100

double weightOf(int slider) {
    return slider <= 0 ? 0.0 : 1.0 - std::pow(10.0, -3.0 * slider / 100.0);
}

QString compact(double value) {
    if (std::abs(value) >= 10000) return QString::number(value / 1000, 'f', 0) + QStringLiteral("k");
    if (std::abs(value) >= 1000) return QString::number(value / 1000, 'f', 1) + QStringLiteral("k");
    return QString::number(value, 'f', value < 10 ? 1 : 0);
}

CurveStyle heldOutStyle(int domain) {
    CurveStyle style;
    style.ink = CurveInk::Text2;
    style.dash = domain;
    style.marker = widgets::domainMarker(domain);
    style.step = true;
    return style;
}

CurveStyle trainStyle() {
    CurveStyle style;
    style.ink = CurveInk::Accent;
    style.width = 2;
    style.band = style.smoothed = true;
    return style;
}

StepTable::Figure figureOf(TunePlots::XAxis axis) {
    return axis == TunePlots::XAxis::Tokens ? StepTable::Tokens
           : axis == TunePlots::XAxis::Time ? StepTable::Seconds
                                            : StepTable::Step;
}

CurveStyle laneStyle(bool smoothed) {
    CurveStyle style;
    style.ink = CurveInk::Text;
    style.band = style.smoothed = smoothed;
    return style;
}

}  // namespace

TunePlots::TunePlots(QWidget* parent) : QWidget(parent), m_plot(new widgets::CurvePlot) {
    m_pane = new widgets::ChartPane(m_plot);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(makeHeader());
    column->addWidget(m_pane, 1);
    makeLanes();
    m_plot->setAccessibleName(tr("Loss and progress of the run"));
    m_plot->setReadOutHead([this](double x) {
        const engine::StepIndex step = stepAt(x);
        return qMakePair(tr("Step %1").arg(withThousands(step)),
                         m_history != nullptr ? durationText(m_history->secondsAt(step)) : QString());
    });
    connect(m_plot, &widgets::CurvePlot::brushChanged, this,
            [this](double low, double high) { Q_EMIT brushed(stepAt(low), stepAt(high)); });
    connect(m_plot, &widgets::CurvePlot::brushCleared, this, &TunePlots::brushCleared);
    connect(m_plot, &widgets::CurvePlot::markActivated, this, [this](int mark) {
        const auto index = static_cast<std::size_t>(mark);
        if (m_history != nullptr && index < m_history->alarms().size())
            Q_EMIT alarmActivated(m_history->alarms()[index].step);
    });
    connect(m_plot, &widgets::CurvePlot::logScaleChanged, this,
            [this](bool on) { m_scale->setCurrent(on ? 1 : 0); });
    connect(m_plot, &widgets::CurvePlot::smoothingStepRequested, this,
            [this] { m_smoothing->setValue(m_smoothing->value() >= 100 ? 0 : m_smoothing->value() + 20); });
    m_more.setSingleShot(true);
    connect(&m_more, &QTimer::timeout, this, &TunePlots::appendMoreRows);
    setXAxis(XAxis::Step);
    m_plot->setSmoothing(weightOf(m_smoothing->value()));
}

double TunePlots::usualSmoothing() {
    return weightOf(kUsualSmoothing);
}

QWidget* TunePlots::makeHeader() {
    auto* header = new Surface(Token::Base);
    header->setFixedHeight(44);
    auto* row = new QHBoxLayout(header);
    row->setContentsMargins(16, 0, 16, 0);
    row->setSpacing(12);
    row->addWidget(new ThemedLabel(tr("Loss"), widgets::TextRole::DockTitle));
    m_legend = new widgets::CurveLegend;
    row->addWidget(m_legend, 1);
    auto* word = new ThemedLabel(tr("Smoothing"), widgets::TextRole::Secondary, Token::Text2);
    m_smoothing = new QSlider(Qt::Horizontal);
    m_smoothing->setRange(0, 100);
    m_smoothing->setValue(kUsualSmoothing);
    m_smoothing->setFixedWidth(72);
    m_smoothing->setAccessibleName(tr("Smoothing"));
    m_smoothing->setToolTip(tr("Smoothing of the train curves (S)"));
    m_axisBox = new QComboBox;
    m_axisBox->addItems({tr("Step"), tr("Tokens"), tr("Time")});
    m_axisBox->setAccessibleName(tr("X axis"));
    m_scale = new widgets::Segmented({tr("Lin"), tr("Log")});
    m_scale->setAccessibleName(tr("Scale of the loss"));
    QToolButton* exportButton = iconButton(QStringLiteral("export"), tr("Export the curves"));
    QToolButton* table = iconButton(QStringLiteral("table"), tr("View as table"));
    table->setCheckable(true);
    row->addWidget(word);
    row->addWidget(m_smoothing);
    row->addWidget(m_axisBox);
    row->addWidget(m_scale);
    m_overlayButton = iconButton(QStringLiteral("runs"), tr("Lay other runs behind this one"));
    m_overlayButton->setPopupMode(QToolButton::InstantPopup);
    row->addWidget(m_overlayButton);
    row->addWidget(table);
    row->addWidget(exportButton);
    m_smoothingWord = word;
    connect(m_smoothing, &QSlider::valueChanged, this,
            [this](int value) { m_plot->setSmoothing(weightOf(value)); });
    connect(m_axisBox, &QComboBox::currentIndexChanged, this,
            [this](int index) { setXAxis(static_cast<XAxis>(index)); });
    connect(m_scale, &widgets::Segmented::currentChanged, this,
            [this](int index) { m_plot->setLogScale(index == 1); });
    connect(table, &QToolButton::clicked, m_pane, &widgets::ChartPane::setTableShown);
    connect(m_pane->tableAction(), &QAction::toggled, table, &QToolButton::setChecked);
    connect(exportButton, &QToolButton::clicked, m_pane->exportAction(), &QAction::trigger);
    return header;
}

void TunePlots::makeLanes() {
    LaneStyle loss;
    loss.name = tr("Loss");
    loss.main = true;
    m_plot->addLane(loss);
    const auto lane = [this](const QString& name, std::function<QString(double)> format) {
        LaneStyle style;
        style.name = name;
        style.format = std::move(format);
        return style;
    };
    LaneStyle balance = lane(tr("Balance"), [](double v) { return QString::number(v, 'f', 3); });
    balance.hint = tr("1 = uniform");
    balance.minimumSpan = 0.02;
    LaneStyle rate = lane(tr("Learning rate"), [](double v) { return shortReal(v); });
    rate.fromZero = true;
    LaneStyle norm = lane(tr("Grad norm"), [](double v) {
        return QString::number(v, 'f', v >= 10 ? 1 : v == 0 ? 0 : 3);
    });
    norm.fromZero = true;
    LaneStyle speed = lane(tr("Tokens/s"), compact);
    speed.hint = tr("last step");  // the list of runs has the mean
    speed.minimumSpan = 10;
    LaneStyle memory = lane(tr("Memory"), [](double v) {
        return QString::number(v, 'f', v == 0 ? 0 : v < 10 ? 2 : 1);
    });
    memory.hint = tr("GiB");
    memory.fromZero = true;
    for (const LaneStyle& style : {balance, rate, norm, speed, memory})
        m_plot->addLane(style);
    m_plot->addCurve(Loss, tr("Train"), trainStyle());
    m_plot->addCurve(Balance, tr("Balance"), laneStyle(true));
    m_plot->addCurve(LearningRate, tr("Learning rate"), laneStyle(false));
    m_plot->addCurve(GradientNorm, tr("Grad norm"), laneStyle(true));
    m_plot->addCurve(TokensPerSecond, tr("Tokens/s"), laneStyle(true));
    CurveStyle area = laneStyle(false);
    area.area = true;
    m_plot->addCurve(Memory, tr("Memory"), area);
    m_firstHeldOut = m_plot->curveCount();
    makeHeldOut({});
}

void TunePlots::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    m_smoothingWord->setVisible(width() >= 900);
}

void TunePlots::clear() {
    m_history = nullptr;
    m_more.stop();
    m_generation = -1;
    m_evaluations = m_alarms = 0;
    m_lost.reset();
    m_overlays.clear();
    m_power.clear();
    m_told = {};
    m_plot->clearData();
    m_plot->setShade(std::nullopt);
    makeHeldOut({});
    makeDeviceLanes();
    for (int i = Balance; i <= Memory; ++i)
        m_plot->setLaneValue(i, {});
}

void TunePlots::setRun(std::int64_t totalSteps, double clip, bool dense, const QString& memoryName) {
    m_total = totalSteps;
    m_dense = dense;
    m_plot->setLaneReference(GradientNorm, clip > 0 ? std::optional(clip) : std::nullopt);
    m_plot->setLaneHint(GradientNorm, clip > 0 ? tr("clip %1").arg(shortReal(clip)) : QString());
    m_plot->setLaneHint(Balance, dense ? tr("no experts") : tr("1 = uniform"));
    m_plot->setLaneHint(Memory, memoryName);
}

void TunePlots::setEmptyText(const QString& text) {
    m_plot->setEmptyText(text);
}
void TunePlots::setExportName(const QString& name) {
    m_pane->setExportName(name);
}

// The curves of the lanes are the table's columns.
static_assert(StepTable::Loss + TunePlots::Balance == StepTable::Balance &&
              StepTable::Loss + TunePlots::LearningRate == StepTable::LearningRate &&
              StepTable::Loss + TunePlots::GradientNorm == StepTable::GradientNorm &&
              StepTable::Loss + TunePlots::TokensPerSecond == StepTable::TokensPerSecond &&
              StepTable::Loss + TunePlots::Memory == StepTable::MemoryGiB);

double TunePlots::xOf(const StepRow& row) const {
    switch (m_axis) {
        case XAxis::Step:
            break;
        case XAxis::Tokens:
            return row.tokens;
        case XAxis::Time:
            return row.seconds;
    }
    return static_cast<double>(row.step);
}

double TunePlots::xAt(engine::StepIndex step) const {
    if (m_axis == XAxis::Step || m_history == nullptr) return static_cast<double>(step);
    return m_axis == XAxis::Tokens ? m_history->tokensAt(step) : m_history->secondsAt(step);
}

engine::StepIndex TunePlots::stepAt(double x) const {
    if (m_axis == XAxis::Step || m_history == nullptr || m_history->steps().empty()) return std::llround(x);
    const auto& rows = m_history->steps();
    const std::size_t at = std::min(rows.column(figureOf(m_axis)).lowerBound(x), rows.size() - 1);
    return at == 0 && x <= 0 ? 0 : rows.stepAt(at);
}

std::optional<engine::StepIndex> TunePlots::cursorStep() const {
    const auto x = m_plot->cursorX();
    return x ? std::optional(stepAt(*x)) : std::nullopt;
}

void TunePlots::setXAxis(XAxis axis) {
    m_axis = axis;
    m_axisBox->setCurrentIndex(static_cast<int>(axis));
    m_plot->setTickFormat([axis](double x) {
        if (axis == XAxis::Step) return withThousands(std::llround(x));
        if (x <= 0) return QStringLiteral("0");
        if (axis == XAxis::Tokens) return parameterCount(std::llround(x));
        return x < 120    ? QString::number(x, 'g', 3) + kThinSpace + tr("s")
               : x < 7200 ? QString::number(x / 60, 'g', 3) + kThinSpace + tr("min")
                          : QString::number(x / 3600, 'g', 3) + kThinSpace + tr("h");
    });
    if (m_history != nullptr) refill();
}

void TunePlots::setLostSteps(std::optional<QPair<engine::StepIndex, engine::StepIndex>> steps) {
    m_lost = steps;
}

void TunePlots::makeHeldOut(const std::vector<std::string>& domains) {
    m_domains = domains;
    m_plot->removeCurves(m_firstHeldOut);
    QVector<widgets::CurveLegend::Item> items{{tr("Train"), trainStyle()}};
    const std::size_t shown = domains.size() > kMostDomains ? kMostDomains : domains.size();
    if (shown > 0) items.append({tr("Held out:"), {}, true});
    for (std::size_t i = 0; i < shown; ++i) {
        const bool others = domains.size() > kMostDomains && i + 1 == shown;
        const QString name = others ? tr("others") : QString::fromStdString(domains[i]);
        m_plot->addCurve(Loss, name, heldOutStyle(static_cast<int>(i)));
        items.append({name, heldOutStyle(static_cast<int>(i))});
    }
    m_legend->setItems(items);
    drawOverlays();
}

void TunePlots::setOverlays(std::vector<Overlay> overlays) {
    m_overlays = std::move(overlays);
    if (m_history == nullptr) return;
    refill();
}

// Names at the line ends; a dash of its own for each, after those of the domains.
void TunePlots::drawOverlays() {
    for (std::size_t i = 0; i < m_overlays.size(); ++i) {
        CurveStyle style;
        style.ink = CurveInk::Text;
        style.width = 1.4;
        style.dash = static_cast<int>(i) + 1;
        style.smoothed = true;
        const int curve = m_plot->addCurve(Loss, m_overlays[i].name, style);
        for (const StepRow& row : m_overlays[i].rows)
            m_plot->append(curve, xOf(row), row.loss);
    }
}

void TunePlots::refill() {
    m_plot->clearData();
    makeHeldOut(m_domains);
    m_evaluations = m_alarms = 0;
    m_generation = m_history->generation();
    appendRows();
    appendEvaluations();
    redrawPower();
    showMarks();
    showValues();
}

void TunePlots::update(const RunHistory& history, bool live) {
    const bool other = m_history != &history;
    m_history = &history;
    m_live = live;
    if (other || m_generation != history.generation()) {
        refill();
        return;
    }
    appendRows();
    appendEvaluations();
    showMarks();
    showValues();
}

void TunePlots::appendRows() {
    const StepTable& rows = m_history->steps();
    const widgets::Column& x = rows.column(figureOf(m_axis));
    const std::size_t end = std::min(rows.size(), m_plot->series(Loss).size() + kRowsAtOnce);
    for (int curve = Loss; curve <= Memory; ++curve)
        m_plot->extend(curve, x, rows.column(static_cast<StepTable::Figure>(StepTable::Loss + curve)), end);
    if (end < rows.size()) m_more.start(0);
}

void TunePlots::appendMoreRows() {
    // Rows that were taken back are drawn anew by the update that comes with them.
    if (m_history != nullptr && m_history->generation() == m_generation) appendRows();
}

void TunePlots::appendEvaluations() {
    const auto domains = m_history->heldoutDomains();
    if (domains != m_domains) {
        makeHeldOut(domains);
        m_evaluations = 0;
    }
    const auto& evaluations = m_history->evaluations();
    for (; m_evaluations < evaluations.size(); ++m_evaluations) {
        const engine::Evaluation& evaluation = evaluations[m_evaluations];
        const double x = xAt(evaluation.step);
        double others = 0;
        int othersCount = 0;
        for (const auto& [domain, loss] : evaluation.heldoutLoss) {
            const auto index = static_cast<std::size_t>(
                std::find(m_domains.begin(), m_domains.end(), domain) - m_domains.begin());
            if (m_domains.size() > kMostDomains && index + 1 >= kMostDomains) {
                others += loss;
                ++othersCount;
            } else {
                m_plot->append(m_firstHeldOut + static_cast<int>(index), x, loss);
            }
        }
        if (othersCount > 0)
            m_plot->append(m_firstHeldOut + static_cast<int>(kMostDomains) - 1, x, others / othersCount);
    }
}

}  // namespace caravan::ui
