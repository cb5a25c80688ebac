// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/curve_plot.h"

#include <QLocale>
#include <QPicture>
#include <algorithm>

#include "widgets/curve_plot_parts.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {
namespace {
constexpr int kReplotInterval = 100, kOverlayInterval = 33;  // ms
constexpr std::size_t kSmoothAtOnce = 1u << 17;              // values: some milliseconds
}  // namespace

QColor inkColor(CurveInk ink) {
    const ThemeColors& colors = themeColors();
    switch (ink) {
        case CurveInk::Accent:
            return colors.accent;
        case CurveInk::Text:
            return colors.text;
        case CurveInk::Text2:
            return colors.text2;
        case CurveInk::Warning:
            return colors.warnLine;
    }
    return colors.text;
}

CurvePlot::CurvePlot(QWidget* parent) : QCustomPlot(parent) {
    installChartAccessibility();
    plotLayout()->clear();
    plotLayout()->setRowSpacing(0);
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setAutoAddPlottableToLegend(false);
    setPlottingHint(QCP::phFastPolylines, true);
    setPlottingHint(QCP::phCacheLabels, true);
    setNoAntialiasingOnDrag(false);
    setAccessibleName(tr("Curves"));
    new CurveDecor(this);
    new CurveOverlay(this);
    m_replotTimer.setSingleShot(true);
    m_overlayTimer.setSingleShot(true);
    m_smoothTimer.setSingleShot(true);
    connect(&m_smoothTimer, &QTimer::timeout, this, &CurvePlot::smoothOn);
    m_overlayTimer.setInterval(kOverlayInterval);
    connect(&m_replotTimer, &QTimer::timeout, this, &CurvePlot::flush);
    connect(&m_overlayTimer, &QTimer::timeout, this, [this] {
        if (isVisible()) layer(QStringLiteral("overlay"))->replot();
    });
    setMinimumSize(240, 160);
    applyColors();
}

CurvePlot::~CurvePlot() = default;

int CurvePlot::addLane(const LaneStyle& style) {
    auto lane = std::make_unique<Lane>();
    lane->style = style;
    lane->rect = new QCPAxisRect(this, true);
    lane->rect->setAutoMargins(QCP::msNone);
    lane->rect->setMargins(style.main ? QMargins(kCurvePlotLeft, 12, m_right, 26)
                                      : QMargins(kCurvePlotLeft, 9, m_right, 9));
    plotLayout()->addElement(static_cast<int>(m_lanes.size()), 0, lane->rect);
    for (QCPAxis* axis : lane->rect->axes()) {
        axis->setLayer(QStringLiteral("axes"));
        axis->grid()->setLayer(QStringLiteral("grid"));
        axis->setTickPen(Qt::NoPen);
        axis->setSubTickPen(Qt::NoPen);
        axis->setTickLength(0);
        axis->setSubTicks(false);
        axis->setVisible(style.main && (axis == lane->x() || axis == lane->y()));
    }
    lane->x()->grid()->setVisible(false);
    lane->y()->grid()->setVisible(style.main);
    lane->y()->setBasePen(Qt::NoPen);
    lane->y()->setTickLabelPadding(8);
    auto values = QSharedPointer<FormatTicker>::create();
    values->format = style.format;
    lane->y()->setTicker(values);
    auto steps = QSharedPointer<FormatTicker>::create();
    steps->setTickCount(8);
    steps->whole = true;
    lane->x()->setTicker(steps);
    m_lanes.push_back(std::move(lane));
    applyColors();
    applyLaneHeights();
    schedule();
    return laneCount() - 1;
}

int CurvePlot::addCurve(int lane, const QString& name, const CurveStyle& style) {
    auto curve = std::make_unique<Curve>();
    curve->name = name;
    curve->lane = lane;
    curve->style = style;
    if (style.smoothed) curve->series.setSmoothing(m_smoothing);
    m_curves.push_back(std::move(curve));
    applyLaneHeights();
    return curveCount() - 1;
}

void CurvePlot::removeCurves(int firstCurve) {
    if (firstCurve < curveCount()) m_curves.resize(static_cast<std::size_t>(firstCurve));
    schedule();
}

void CurvePlot::removeLanes(int firstLane) {
    while (laneCount() > firstLane) {
        plotLayout()->remove(m_lanes.back()->rect);
        m_lanes.pop_back();
    }
    plotLayout()->simplify();
    m_hoverLane = std::max(0, std::min(m_hoverLane, laneCount() - 1));
    applyLaneHeights();
    schedule();
}

QString CurvePlot::curveName(int curve) const {
    return m_curves.at(static_cast<std::size_t>(curve))->name;
}
const CurveStyle& CurvePlot::curveStyle(int curve) const {
    return m_curves.at(static_cast<std::size_t>(curve))->style;
}
const CurveSeries& CurvePlot::series(int curve) const {
    return m_curves.at(static_cast<std::size_t>(curve))->series;
}

void CurvePlot::append(int curve, double x, double y) {
    m_curves.at(static_cast<std::size_t>(curve))->series.append(x, y);
    schedule();
}

void CurvePlot::extend(int curve, const Column& x, const Column& y, std::size_t upTo) {
    CurveSeries& series = m_curves.at(static_cast<std::size_t>(curve))->series;
    if (series.size() >= std::min({x.size(), y.size(), upTo})) return;
    series.extend(x, y, upTo);
    schedule();
}

void CurvePlot::clearData() {
    for (auto& curve : m_curves)
        curve->series.clear();
    m_marks.clear();
    m_brush.reset();
    m_cursor.reset();
    m_now.reset();
    m_shade.reset();
    m_zoomed = false;
    schedule();
}

void CurvePlot::setLaneReference(int lane, std::optional<double> reference) {
    m_lanes.at(static_cast<std::size_t>(lane))->style.reference = reference;
    schedule();
}

void CurvePlot::setLaneHint(int lane, const QString& hint) {
    m_lanes.at(static_cast<std::size_t>(lane))->style.hint = hint;
    applyLaneHeights();
    schedule();
}

void CurvePlot::setLaneValue(int lane, const QString& text) {
    QString& value = m_lanes.at(static_cast<std::size_t>(lane))->value;
    if (value == text) return;
    value = text;
    schedule();
}

void CurvePlot::setPlannedEnd(double x) {
    if (x == m_plannedEnd) return;
    m_plannedEnd = x;
    schedule();
}

void CurvePlot::setNow(std::optional<double> x) {
    if (m_now == x) return;
    m_now = x;
    scheduleOverlay();
}

void CurvePlot::setMarks(const std::vector<Mark>& marks) {
    m_marks = marks;
    schedule();
}

void CurvePlot::setShade(std::optional<QPair<double, double>> range) {
    m_shade = range;
    schedule();
}

void CurvePlot::setSmoothing(double weight) {
    m_smoothing = weight;
    if (m_smoothTimer.isActive()) return;  // the newest weight comes when the curves have reached the last
    m_smoothingNow = weight;
    smoothOn();
}

void CurvePlot::smoothOn() {
    std::size_t values = kSmoothAtOnce;
    bool whole = true;
    for (auto& curve : m_curves)
        if (curve->style.smoothed) whole = curve->series.smoothTowards(m_smoothingNow, values) && whole;
    const bool newer = m_smoothing != m_smoothingNow;
    if (whole) schedule();
    if (whole && newer) m_smoothingNow = m_smoothing;
    if (!whole || newer) m_smoothTimer.start(0);
}

void CurvePlot::setLogScale(bool logarithmic) {
    if (logarithmic == m_log) return;
    m_log = logarithmic;
    for (auto& lane : m_lanes) {
        if (!lane->style.main) continue;
        lane->y()->setScaleType(logarithmic ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
        static_cast<FormatTicker*>(lane->y()->ticker().data())->logarithmic = logarithmic;
    }
    schedule();
    Q_EMIT logScaleChanged(logarithmic);
}

void CurvePlot::setTickFormat(std::function<QString(double)> format) {
    m_tickFormat = std::move(format);
    for (auto& lane : m_lanes)
        static_cast<FormatTicker*>(lane->x()->ticker().data())->format = m_tickFormat;
    schedule();
}

void CurvePlot::setEmptyText(const QString& text) {
    m_emptyText = text;
    schedule();
}

void CurvePlot::setCursorX(std::optional<double> x) {
    if (m_cursor == x) return;
    m_cursor = x;
    scheduleOverlay();
    if (x)
        Q_EMIT cursorMoved(*x);
    else
        Q_EMIT cursorLeft();
}

void CurvePlot::setBrush(std::optional<QPair<double, double>> brush) {
    if (brush && brush->first > brush->second) std::swap(brush->first, brush->second);
    if (m_brush == brush) return;
    m_brush = brush;
    scheduleOverlay();
    if (brush)
        Q_EMIT brushChanged(brush->first, brush->second);
    else
        Q_EMIT brushCleared();
}

void CurvePlot::schedule() {
    if (m_replotTimer.isActive() || !isVisible()) return;  // shown later: showEvent replots
    const qint64 since = m_sinceReplot.isValid() ? m_sinceReplot.elapsed() : kReplotInterval;
    m_replotTimer.start(static_cast<int>(std::clamp<qint64>(kReplotInterval - since, 0, kReplotInterval)));
}

void CurvePlot::scheduleOverlay() {
    if (!m_overlayTimer.isActive() && isVisible()) m_overlayTimer.start();
}

void CurvePlot::flush() {
    m_replotTimer.stop();
    applyRanges();
    ++m_replots;
    m_sinceReplot.start();
    replot(QCustomPlot::rpQueuedRefresh);
}

void CurvePlot::applyColors() {
    const ThemeColors& colors = themeColors();
    setBackground(QBrush(colors.base));
    for (auto& lane : m_lanes) {
        for (QCPAxis* axis : lane->rect->axes()) {
            axis->setTickLabelFont(textFont(TextRole::Caption));
            axis->setTickLabelColor(colors.text2);
            axis->grid()->setPen(hairline(colors.grid));
            axis->grid()->setZeroLinePen(Qt::NoPen);
        }
        lane->x()->setBasePen(hairline(colors.ctl));
    }
    schedule();
}

QString CurvePlot::formatted(int lane, double value) const {
    const auto& format = m_lanes[static_cast<std::size_t>(lane)]->style.format;
    return format ? format(value) : QLocale().toString(value, 'f', 3);
}

}  // namespace caravan::widgets
