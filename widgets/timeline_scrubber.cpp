// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/timeline_scrubber.h"

#include <QKeyEvent>
#include <QLocale>
#include <QMouseEvent>
#include <QPainter>
#include <QPolygonF>
#include <algorithm>
#include <cmath>

#include "widgets/paint.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {

TimelineScrubber::TimelineScrubber(QWidget* parent) : QAbstractSlider(parent) {
    setOrientation(Qt::Horizontal);
    setFocusPolicy(Qt::StrongFocus);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(tr("Step"));
    setTotal(0);
}

void TimelineScrubber::setTotal(qint64 steps) {
    m_total = std::max(steps, m_points.isEmpty() ? 0 : m_points.last().step);
    setRange(0, static_cast<int>(std::min<qint64>(m_total, INT_MAX)));
    update();
}

void TimelineScrubber::setPoints(const QVector<Point>& points, const QString& name) {
    m_points = points;
    m_name = name;
    setTotal(std::max(m_total, points.isEmpty() ? 0 : points.last().step));
}

void TimelineScrubber::setCheckpoints(const QVector<qint64>& steps) {
    m_checkpoints = steps;
    std::sort(m_checkpoints.begin(), m_checkpoints.end());
    update();
}

void TimelineScrubber::setMarks(const QVector<Mark>& marks) {
    m_marks = marks;
    update();
}

QRectF TimelineScrubber::track() const {
    return {14, 4, std::max(10.0, width() - 28.0), 24};
}

double TimelineScrubber::pixelOf(qint64 step) const {
    const QRectF area = track();
    return area.left() +
           (m_total > 0 ? static_cast<double>(step) / static_cast<double>(m_total) : 0) * area.width();
}

qint64 TimelineScrubber::nearestPoint(qint64 step) const {
    if (m_points.isEmpty()) return 0;
    const auto above = std::lower_bound(m_points.begin(), m_points.end(), step,
                                        [](const Point& point, qint64 s) { return point.step < s; });
    if (above == m_points.begin()) return above->step;
    if (above == m_points.end()) return m_points.last().step;
    return step - std::prev(above)->step <= above->step - step ? std::prev(above)->step : above->step;
}

void TimelineScrubber::scrubTo(qint64 step) {
    if (m_points.isEmpty()) return;
    const qint64 target = nearestPoint(step);
    setValue(static_cast<int>(target));
    update();
    Q_EMIT scrubbed(target);
}

bool TimelineScrubber::stepRecord(int direction) {
    if (m_points.isEmpty()) return false;
    const auto here = std::lower_bound(m_points.begin(), m_points.end(), qint64{value()},
                                       [](const Point& point, qint64 s) { return point.step < s; });
    qsizetype index = here - m_points.begin();
    if (direction < 0)
        --index;
    else if (here != m_points.end() && here->step == value())
        ++index;
    if (index < 0 || index >= m_points.size()) return false;
    scrubTo(m_points[index].step);
    return true;
}

void TimelineScrubber::stepCheckpoint(int direction) {
    if (direction > 0) {
        const auto next = std::upper_bound(m_checkpoints.begin(), m_checkpoints.end(), qint64{value()});
        if (next != m_checkpoints.end()) scrubTo(*next);
    } else {
        const auto here = std::lower_bound(m_checkpoints.begin(), m_checkpoints.end(), qint64{value()});
        if (here != m_checkpoints.begin()) scrubTo(*std::prev(here));
    }
}

void TimelineScrubber::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const ThemeColors& colors = themeColors();
    const QRectF area = track();
    painter.fillRect(area, colors.alt);
    paintArea(painter, area);
    paintTicks(painter, area);
    if (!m_points.isEmpty()) {
        const double x = pixelOf(value());
        painter.setPen(QPen(colors.accent, 2));
        painter.drawLine(QPointF(x, area.top() - 3), QPointF(x, area.bottom() - 3));
        painter.setBrush(colors.base);
        painter.drawEllipse(QPointF(x, area.bottom() - 1), 5.5, 5.5);
        QFont bold = textFont(TextRole::Caption);
        bold.setWeight(QFont::Bold);
        painter.setFont(bold);
        painter.setPen(colors.accent);
        const int half = QFontMetrics(bold).horizontalAdvance(QLocale().toString(value())) / 2 + 2;
        const double middle = std::clamp(x, half + 1.0, width() - half - 1.0);
        painter.drawText(
            QRectF(middle - half - 2, area.bottom() + 5, 2 * half + 4, height() - area.bottom() - 5),
            Qt::AlignHCenter | Qt::AlignTop, QLocale().toString(value()));
    }
    if (hasFocus()) drawFocusRing(painter, rect());
}

void TimelineScrubber::paintArea(QPainter& painter, const QRectF& area) {
    const ThemeColors& colors = themeColors();
    double highest = 0;
    for (const Point& point : std::as_const(m_points))
        if (std::isfinite(point.value)) highest = std::max(highest, point.value);
    if (m_points.isEmpty()) return;
    // At most one vertex per pixel: the highest of its points.
    QPolygonF line;
    const double top = highest > 0 ? highest * 2.8 : 1;  // the name stands above it
    for (const Point& point : std::as_const(m_points)) {
        if (!std::isfinite(point.value)) continue;
        const QPointF vertex(pixelOf(point.step), area.bottom() - point.value / top * area.height());
        if (!line.isEmpty() && vertex.x() - line.last().x() < 1)
            line.last().setY(std::min(line.last().y(), vertex.y()));
        else
            line.append(vertex);
    }
    if (line.isEmpty()) return;
    QPolygonF region = line;
    region.prepend(QPointF(line.first().x(), area.bottom()));
    region.append(QPointF(line.last().x(), area.bottom()));
    painter.setPen(Qt::NoPen);
    painter.setBrush(colors.soft);
    painter.drawPolygon(region);
    painter.setPen(QPen(colors.accent, 1.4));
    painter.drawPolyline(line);
    painter.setFont(textFont(TextRole::Caption));
    painter.setPen(colors.text2);
    const int advance = QFontMetrics(painter.font()).horizontalAdvance(m_name);
    const double free = area.right() - line.last().x();
    // Beside the area if there is room, else on it.
    const double x = free > advance + 24 ? line.last().x() + 16 : area.left() + 12;
    painter.drawText(QPointF(x, area.top() + QFontMetrics(painter.font()).ascent()), m_name);
}

void TimelineScrubber::paintTicks(QPainter& painter, const QRectF& area) {
    const ThemeColors& colors = themeColors();
    const QFont caption = textFont(TextRole::Caption);
    const QFontMetrics metrics(caption);
    painter.setFont(caption);
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.setPen(hairline(colors.line));
    painter.drawLine(area.bottomLeft(), area.bottomRight());
    painter.setPen(hairline(colors.text2));
    for (const qint64 step : std::as_const(m_checkpoints)) {
        const double x = std::round(pixelOf(step));
        painter.drawLine(QPointF(x, area.bottom() - 5), QPointF(x, area.bottom()));
    }
    for (const Mark& mark : std::as_const(m_marks)) {
        const double x = std::round(pixelOf(mark.step));
        QPen pen(colors.warnLine, 1.4);
        pen.setDashPattern({1.4, 2});
        pen.setCapStyle(Qt::FlatCap);
        painter.setPen(pen);
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()));
        painter.setPen(colors.text2);
        const int advance = metrics.horizontalAdvance(mark.text);
        painter.drawText(
            QPointF(x - advance - 5 > area.left() ? x - advance - 5 : x + 5, area.top() + metrics.ascent()),
            mark.text);
    }
    painter.setRenderHint(QPainter::Antialiasing, true);
    if (m_total <= 0) return;
    double step = std::pow(10, std::floor(std::log10(static_cast<double>(m_total))));
    const double widest = metrics.horizontalAdvance(QLocale().toString(m_total)) + 40;
    for (const double factor : {0.1, 0.2, 0.5, 1.0, 2.0, 5.0})
        if (step * factor >= 1 && step * factor / static_cast<double>(m_total) * area.width() >= widest) {
            step *= factor;
            break;
        }
    for (double tick = 0; tick <= static_cast<double>(m_total); tick += std::max(1.0, step)) {
        const double x = pixelOf(static_cast<qint64>(tick));
        if (!m_points.isEmpty() && std::abs(x - pixelOf(value())) < widest - 20)
            continue;  // the handle's number stands there
        painter.setPen(colors.text2);
        painter.drawText(QRectF(x - widest / 2, area.bottom() + 5, widest, height() - area.bottom() - 5),
                         Qt::AlignHCenter | Qt::AlignTop, QLocale().toString(static_cast<qlonglong>(tick)));
    }
}

void TimelineScrubber::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) return;
    setSliderDown(true);
    mouseMoveEvent(event);
}

void TimelineScrubber::mouseMoveEvent(QMouseEvent* event) {
    if (!isSliderDown()) return;
    const QRectF area = track();
    scrubTo(
        std::llround((event->position().x() - area.left()) / area.width() * static_cast<double>(m_total)));
}

void TimelineScrubber::mouseReleaseEvent(QMouseEvent*) {
    setSliderDown(false);
}

void TimelineScrubber::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
        case Qt::Key_Left:
            stepRecord(-1);
            break;
        case Qt::Key_Right:
            stepRecord(1);
            break;
        case Qt::Key_PageDown:
        case Qt::Key_BracketRight:
            stepCheckpoint(1);
            break;
        case Qt::Key_PageUp:
        case Qt::Key_BracketLeft:
            stepCheckpoint(-1);
            break;
        case Qt::Key_Home:
            if (!m_points.isEmpty()) scrubTo(m_points.first().step);
            break;
        case Qt::Key_End:
            if (!m_points.isEmpty()) scrubTo(m_points.last().step);
            break;
        case Qt::Key_Space:
            Q_EMIT playRequested();
            break;
        default:
            event->ignore();
    }
}

void TimelineScrubber::wheelEvent(QWheelEvent* event) {
    if (!hasFocus() || event->angleDelta().y() == 0)
        return event->ignore();  // a field changes only when it has the focus
    stepRecord(event->angleDelta().y() > 0 ? 1 : -1);
    event->accept();
}

void TimelineScrubber::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) update();
    QAbstractSlider::changeEvent(event);
}

}  // namespace caravan::widgets
