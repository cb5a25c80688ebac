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
constexpr int kLeft = 48;                                    // px left of the axis rects: tick labels
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
    lane->rect->setMargins(style.main ? QMargins(kLeft, 12, m_right, 26) : QMargins(kLeft, 9, m_right, 9));
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
    return curveCount() - 1;
}

void CurvePlot::removeCurves(int firstCurve) {
    if (firstCurve < curveCount()) m_curves.resize(static_cast<std::size_t>(firstCurve));
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
    for (auto& curve : m_curves)
        if (curve->style.smoothed) curve->series.setSmoothing(weight);
    schedule();
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

double CurvePlot::dataEnd() const {
    double end = 0;
    for (const auto& curve : m_curves)
        if (!curve->series.isEmpty()) end = std::max(end, curve->series.x(curve->series.size() - 1));
    return end;
}

double CurvePlot::fittedEnd() const {
    const double end = std::max(m_plannedEnd, dataEnd());
    return end > 0 ? end : 1;
}

void CurvePlot::fit() {
    m_zoomed = false;
    schedule();
}

void CurvePlot::setXRange(double low, double high) {
    const double end = fittedEnd();
    const double least = std::max(end * 1e-6, 1e-9);
    low = std::clamp(low, 0.0, end);
    high = std::clamp(high, low + least, std::max(end, low + least));
    m_low = low;
    m_high = high;
    m_zoomed = low > 0 || high < end;
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

Extent CurvePlot::valueExtent(const Lane& lane) const {
    Extent extent;
    for (const auto& curve : m_curves) {
        if (m_lanes[static_cast<std::size_t>(curve->lane)].get() != &lane || curve->series.isEmpty())
            continue;
        const std::size_t first = curve->series.lowerIndex(m_low),
                          last = curve->series.lowerIndex(std::nextafter(m_high, INFINITY));
        extent.include(curve->style.band || !curve->style.smoothed
                           ? curve->series.raw().extent(first, last)
                           : curve->series.smoothed().extent(first, last));
    }
    if (lane.style.reference) extent.include(*lane.style.reference);
    if (lane.style.fromZero) extent.include(0.0);
    return extent;
}

void CurvePlot::applyRanges() {
    if (!m_zoomed) {
        m_low = 0;
        m_high = fittedEnd();
    }
    for (auto& lane : m_lanes) {
        Extent extent = valueExtent(*lane);
        if (extent.isEmpty()) extent = {0, 1};
        const bool logarithmic = m_log && lane->style.main;
        const double span = std::max(
            {extent.high - extent.low, lane->style.minimumSpan, std::abs(extent.high) * 1e-6, 1e-12});
        if (logarithmic) {
            const double low = extent.low > 0 ? extent.low : std::max(extent.high, 1e-6) * 1e-3;
            lane->low = low / 1.06;
            lane->high = std::max(extent.high, low * 1.01) * 1.06;
        } else {
            const double middle = (extent.low + extent.high) / 2;
            lane->low = extent.high - extent.low < span ? middle - span / 2 : extent.low;
            lane->high = lane->low + span;
            const double pad = lane->style.main ? span * 0.05 : 0;
            if (!(lane->style.fromZero && extent.low >= 0))
                lane->low -= lane->style.main ? 2 * pad : pad;  // room for the words of marks
            else
                lane->low = 0;
            lane->high += pad;
        }
        lane->x()->setRange(m_low, m_high);
        lane->y()->setRange(lane->low, lane->high);
    }
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

void CurvePlot::applyLaneHeights() {
    const QFontMetrics caption(textFont(TextRole::Caption));
    m_right = 120;
    for (const auto& lane : m_lanes)
        if (!lane->style.main)
            m_right = std::max(m_right, caption.horizontalAdvance(lane->style.name + lane->style.hint) + 34);
    m_right = std::min(m_right, std::max(120, width() / 4));
    int thin = 0;
    for (const auto& lane : m_lanes)
        thin += lane->style.main ? 0 : 1;
    const int mains = laneCount() - thin;
    // Thin lanes give way until the main one has 220 px; then they keep 40.
    const int room = thin > 0 ? (height() - mains * 220) / thin : 0;
    const int thinHeight = mains > 0 ? std::clamp(room, 40, 54) : std::max(40, room);
    for (auto& lane : m_lanes) {
        if (lane->style.main) {
            lane->rect->setMargins(QMargins(kLeft, 12, m_right, 26));
            continue;
        }
        // QCustomPlot counts the margins in by default.
        lane->rect->setSizeConstraintRect(QCPLayoutElement::scrOuterRect);
        lane->rect->setMinimumSize(0, thinHeight);
        lane->rect->setMaximumSize(QWIDGETSIZE_MAX, thinHeight);
        lane->rect->setMargins(QMargins(kLeft, thinHeight >= 50 ? 9 : 6, m_right, thinHeight >= 50 ? 9 : 6));
    }
}

QString CurvePlot::formatted(int lane, double value) const {
    const auto& format = m_lanes[static_cast<std::size_t>(lane)]->style.format;
    return format ? format(value) : QLocale().toString(value, 'f', 3);
}

int CurvePlot::primaryCurve() const {
    int best = -1;
    for (int i = 0; i < curveCount(); ++i)
        if (best < 0 || series(i).size() > series(best).size()) best = i;
    return best;
}

double CurvePlot::snapped(double x) const {
    const int primary = primaryCurve();
    if (primary < 0 || series(primary).isEmpty()) return x;
    return series(primary).x(series(primary).nearestIndex(x));
}

QVector<QPair<QString, QString>> CurvePlot::readOut(double x, int lane) const {
    QVector<QPair<QString, QString>> lines;
    for (const auto& curve : m_curves) {
        if (curve->lane != lane || curve->series.isEmpty()) continue;
        const CurveSeries& series = curve->series;
        const std::size_t index = curve->style.step ? series.atOrBefore(x) : series.nearestIndex(x);
        if (index >= series.size()) continue;
        QString name = curve->name;
        if (curve->style.smoothed && series.smoothing() > 0) name = tr("%1, smoothed").arg(name);
        if (curve->style.step && series.x(index) != x)
            name = tr("%1 (%2)").arg(name, xName(series.x(index)).toLower());
        lines.append({name, formatted(lane, curve->style.smoothed ? series.smooth(index) : series.y(index))});
    }
    return lines;
}

QRect CurvePlot::laneRect(int lane) const {
    return m_lanes.at(static_cast<std::size_t>(lane))->rect->rect();
}

int CurvePlot::laneAt(QPoint position) const {
    for (int i = 0; i < laneCount(); ++i)
        if (position.y() <= m_lanes[static_cast<std::size_t>(i)]->rect->outerRect().bottom()) return i;
    return 0;
}

double CurvePlot::toX(double pixel) const {
    if (m_lanes.empty()) return 0;
    const QRect area = laneRect(0);
    return m_low + (pixel - area.left()) / std::max(1, area.width()) * (m_high - m_low);
}

double CurvePlot::toPixel(double x) const {
    if (m_lanes.empty()) return 0;
    const QRect area = laneRect(0);
    return area.left() + (x - m_low) / (m_high - m_low) * area.width();
}

QString CurvePlot::xName(double x) const {
    return m_head ? m_head(x).first : QLocale().toString(x, 'g', 6);
}

void CurvePlot::paintChart(QPainter& painter, QSize size) {
    // QCustomPlot wants a painter of its own; a picture keeps the drawing a vector one.
    const auto cursor = m_cursor;
    m_cursor.reset();
    applyRanges();
    QPicture picture;
    QCPPainter own;
    own.begin(&picture);
    own.setMode(QCPPainter::pmVectorized);
    own.setMode(QCPPainter::pmNoCaching);
    toPainter(&own, size.width(), size.height());
    own.end();
    painter.drawPicture(0, 0, picture);
    m_cursor = cursor;
    flush();
}

int CurvePlot::gridRows() const {
    const int primary = primaryCurve();
    return primary < 0 ? 0 : static_cast<int>(series(primary).size());
}

QString CurvePlot::gridRowName(int row) const {
    return xName(series(primaryCurve()).x(static_cast<std::size_t>(row)));
}

QVariant CurvePlot::gridValue(int row, int column) const {
    const double x = series(primaryCurve()).x(static_cast<std::size_t>(row));
    const CurveSeries& values = series(column);
    const std::size_t index = values.lowerIndex(x);
    if (index >= values.size() || values.x(index) != x || !std::isfinite(values.y(index))) return {};
    return values.y(index);
}

QString CurvePlot::gridText(int row, int column) const {
    const QVariant value = gridValue(row, column);
    return value.isValid() ? formatted(m_curves[static_cast<std::size_t>(column)]->lane, value.toDouble())
                           : QString();
}

QString CurvePlot::gridSentence(int row, int column) const {
    const QString value = gridText(row, column);
    return tr("%1, %2 %3").arg(gridRowName(row), curveName(column), value.isEmpty() ? tr("no value") : value);
}

QPoint CurvePlot::gridCurrent() const {
    const int primary = primaryCurve();
    if (!m_cursor || primary < 0 || series(primary).isEmpty()) return {-1, -1};
    return {0, static_cast<int>(series(primary).nearestIndex(*m_cursor))};
}

}  // namespace caravan::widgets
