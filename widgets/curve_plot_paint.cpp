// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QLocale>
#include <algorithm>
#include <cmath>

#include "widgets/curve_plot_parts.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {

QString FormatTicker::getTickLabel(double tick, const QLocale& locale, QChar, int) {
    if (format) return format(tick);
    Q_UNUSED(locale);
    if (std::abs(tick) >= 1e6) return QLocale().toString(tick / 1e6, 'g', 4) + QStringLiteral("\u2009M");
    if (logarithmic) return QLocale().toString(tick, 'g', 3);
    return QLocale().toString(std::abs(tick) < 1e-12 ? 0.0 : tick, 'f', decimals);
}

double FormatTicker::getTickStep(const QCPRange& range) {
    double step = QCPAxisTicker::getTickStep(range);
    if (!whole) return step;
    step = std::max(1.0, step);
    if (step == std::floor(step)) return step;
    const double decade = std::pow(10, std::floor(std::log10(step)));
    return step / decade <= 2 ? 2 * decade : step / decade <= 5 ? 5 * decade : 10 * decade;  // 2.5 becomes 5
}

QVector<double> FormatTicker::createTickVector(double tickStep, const QCPRange& range) {
    decimals = 0;  // as many as the step itself has: 0.25 needs two
    for (double scaled = tickStep; decimals < 6 && std::abs(scaled - std::round(scaled)) > 1e-6 * scaled;
         scaled *= 10)
        ++decimals;
    if (!logarithmic || range.lower <= 0) return QCPAxisTicker::createTickVector(tickStep, range);
    QVector<double> fine, coarse;
    for (int decade = static_cast<int>(std::floor(std::log10(range.lower)));
         std::pow(10, decade) <= range.upper; ++decade)
        for (const double digit : {1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0}) {
            const double tick = digit * std::pow(10, decade);
            if (tick < range.lower || tick > range.upper) continue;
            fine.append(tick);
            if (digit == 1.0 || digit == 2.0 || digit == 5.0) coarse.append(tick);
        }
    return fine.size() > 9 ? coarse : fine;
}

void CurveDecor::draw(QCPPainter* painter) {
    if (m_plot->m_shade) {
        const double low = m_plot->toPixel(m_plot->m_shade->first),
                     high = m_plot->toPixel(m_plot->m_shade->second);
        for (int lane = 0; lane < m_plot->laneCount(); ++lane) {
            const QRectF area = m_plot->laneRect(lane);
            painter->fillRect(QRectF(low, area.top(), high - low, area.height()).intersected(area),
                              themeColors().errBg);
        }
    }
    for (int lane = 0; lane < m_plot->laneCount(); ++lane) {
        drawLane(*painter, lane);
        painter->save();
        painter->setClipRect(QRectF(m_plot->laneRect(lane)).adjusted(-4, -2, 4, 2));
        drawCurves(*painter, lane);
        painter->restore();
    }
    drawMarks(*painter);
    for (int lane = 0; lane < m_plot->laneCount(); ++lane)
        if (m_plot->m_lanes[static_cast<std::size_t>(lane)]->style.main) drawEndLabels(*painter, lane);
    if (m_plot->gridRows() == 0 && m_plot->laneCount() > 0 && !m_plot->m_emptyText.isEmpty()) {
        painter->setFont(textFont(TextRole::Secondary));
        painter->setPen(themeColors().text3);
        painter->drawText(m_plot->laneRect(0), Qt::AlignCenter | Qt::TextWordWrap, m_plot->m_emptyText);
    }
}

void CurveDecor::drawCurves(QCPPainter& painter, int index) {
    const CurvePlot::Lane& lane = *m_plot->m_lanes[static_cast<std::size_t>(index)];
    for (const auto& curve : m_plot->m_curves)
        if (curve->lane == index && curve->style.band && curve->series.smoothing() > 0)
            drawBand(painter, *curve, lane);
    for (const auto& curve : m_plot->m_curves)
        if (curve->lane == index && !curve->series.isEmpty()) drawLine(painter, *curve, lane);
}

void CurveDecor::drawBand(QCPPainter& painter, const CurvePlot::Curve& curve, const CurvePlot::Lane& lane) {
    const QRect area = lane.rect->rect();
    const auto toY = [&](double value) { return lane.y()->coordToPixel(value); };
    const QColor color =
        mixed(themeColors().base, inkColor(curve.style.ink), themeColors().dark ? 0.42 : 0.38);
    const double perPixel = static_cast<double>(curve.series.size()) / std::max(1, area.width());
    painter.setAntialiasing(false);
    if (perPixel < 0.5) {  // few samples: a thin line is what they are
        painter.setAntialiasing(true);
        painter.setPen(hairline(color));
        painter.drawPolyline(QPolygonF(decimatedLine(curve.series, false, m_plot->m_low, m_plot->m_high,
                                                     area.left(), area.right() + 1.0, toY)));
        return;
    }
    for (const BandColumn& column : bandColumns(curve.series, false, m_plot->m_low, m_plot->m_high,
                                                area.left(), area.right() + 1.0, toY))
        painter.fillRect(QRectF(column.x, column.top, 1.0, std::max(1.0, column.bottom - column.top)), color);
    painter.setAntialiasing(true);
}

void CurveDecor::drawLine(QCPPainter& painter, const CurvePlot::Curve& curve, const CurvePlot::Lane& lane) {
    const QRect area = lane.rect->rect();
    const auto toY = [&](double value) { return lane.y()->coordToPixel(value); };
    const QVector<qreal> dashes = dashPattern(curve.style.dash, curve.style.width);
    if (dashes.isEmpty() && isDense(curve, area.width())) return drawDense(painter, curve, lane);
    const QVector<QPointF> points = decimatedLine(curve.series, curve.style.smoothed, m_plot->m_low,
                                                  m_plot->m_high, area.left(), area.right() + 1.0, toY);
    if (points.isEmpty()) return;
    const QColor color = inkColor(curve.style.ink);
    if (curve.style.area) {
        QPolygonF region(points);
        region.append(QPointF(points.last().x(), area.bottom() + 1.0));
        region.prepend(QPointF(points.first().x(), area.bottom() + 1.0));
        painter.setPen(Qt::NoPen);
        painter.setBrush(themeColors().soft);
        painter.drawPolygon(region);
    }
    QPen pen(color, curve.style.width);
    pen.setJoinStyle(points.size() < 300 ? Qt::RoundJoin : Qt::BevelJoin);
    pen.setCapStyle(Qt::FlatCap);
    if (!dashes.isEmpty()) pen.setDashPattern(dashes);
    painter.setPen(pen);
    painter.setBrush(Qt::NoBrush);
    if (points.size() < 1500) {
        painter.drawPolyline(QPolygonF(points));
    } else {  // the stroker's joins are slow on long lines and not seen on dense ones
        QVector<QLineF> segments;
        segments.reserve(points.size());
        for (qsizetype i = 1; i < points.size(); ++i)
            segments.append(QLineF(points[i - 1], points[i]));
        painter.drawLines(segments);
    }
    if (curve.style.marker != Marker::None) drawMarkers(painter, curve, lane);
}

void CurveDecor::drawMarkers(QCPPainter& painter, const CurvePlot::Curve& curve,
                             const CurvePlot::Lane& lane) {
    const QColor color = inkColor(curve.style.ink);
    const std::size_t first = curve.series.lowerIndex(m_plot->m_low),
                      last = curve.series.lowerIndex(std::nextafter(m_plot->m_high, INFINITY));
    double previous = -INFINITY;
    for (std::size_t i = first; i < last; ++i) {
        const double x = m_plot->toPixel(curve.series.x(i));
        if (x - previous < 14 || !std::isfinite(curve.series.y(i)))
            continue;  // closer ones would blot the line
        previous = x;
        drawMarker(painter, curve.style.marker, {x, lane.y()->coordToPixel(curve.series.y(i))}, 3.2, color,
                   themeColors().base);
    }
}

void CurveDecor::drawMarks(QCPPainter& painter) {
    if (m_plot->m_lanes.empty()) return;
    const QRect area = m_plot->laneRect(0);
    painter.setFont(textFont(TextRole::Caption));
    const QFontMetrics metrics(painter.font());
    double labelEnd = -INFINITY;
    for (const CurvePlot::Mark& mark : m_plot->m_marks) {
        const double x = m_plot->toPixel(mark.x);
        if (x < area.left() - 1 || x > area.right() + 1) continue;
        QPen pen(mark.warning ? themeColors().warnLine : themeColors().ctl, 1.4);
        pen.setDashPattern({1.4, 2.2});
        pen.setCapStyle(Qt::FlatCap);
        painter.setPen(pen);
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()));
        const double left = x + 5;
        if (mark.text.isEmpty() || left < labelEnd) continue;
        labelEnd = left + metrics.horizontalAdvance(mark.text) + 8;
        painter.fillRect(
            QRectF(left - 2, area.bottom() - 6 - metrics.ascent(), labelEnd - left - 4, metrics.height()),
            themeColors().base);
        painter.setPen(themeColors().text2);
        painter.drawText(QPointF(left, area.bottom() - 6), mark.text);
    }
}

void CurveDecor::drawEndLabels(QCPPainter& painter, int index) {
    const CurvePlot::Lane& lane = *m_plot->m_lanes[static_cast<std::size_t>(index)];
    struct Label {
        QString name, value;
        QColor color;
        bool bold;
        double x, y;
    };
    std::vector<Label> labels;
    for (const auto& curve : m_plot->m_curves) {
        if (curve->lane != index || curve->series.isEmpty()) continue;
        const std::size_t end = curve->series.lowerIndex(std::nextafter(m_plot->m_high, INFINITY));
        if (end == 0 || curve->series.x(end - 1) < m_plot->m_low) continue;
        const double value = curve->style.smoothed ? curve->series.smooth(end - 1) : curve->series.y(end - 1);
        if (!std::isfinite(value)) continue;
        labels.push_back({curve->name, m_plot->formatted(index, value), inkColor(curve->style.ink),
                          curve->style.width >= 2, m_plot->toPixel(curve->series.x(end - 1)),
                          lane.y()->coordToPixel(value)});
    }
    if (labels.empty()) return;
    QFont plain = textFont(TextRole::Secondary), bold = plain;
    bold.setWeight(QFont::DemiBold);
    const QFont number = numberFont();
    const double height = 17;
    const QRect area = lane.rect->rect();
    std::sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) { return a.y < b.y; });
    for (std::size_t i = 1; i < labels.size(); ++i)
        labels[i].y = std::max(labels[i].y, labels[i - 1].y + height);
    const double over = labels.back().y - (area.bottom() - 4);
    if (over > 0) {
        labels.back().y -= over;
        for (std::size_t i = labels.size() - 1; i > 0; --i)
            labels[i - 1].y = std::min(labels[i - 1].y, labels[i].y - height);
    }
    double x = m_plot->m_now ? m_plot->toPixel(*m_plot->m_now) : 0;
    for (const Label& label : labels)
        x = std::max(x, label.x);
    x = std::min(x, static_cast<double>(area.right())) + 10;
    for (const Label& label : labels) {
        painter.setFont(label.bold ? bold : plain);
        painter.setPen(label.color);
        const double room = m_plot->width() - x - QFontMetricsF(number).horizontalAdvance(label.value) - 8;
        const QString name =
            QFontMetricsF(painter.font()).elidedText(label.name, Qt::ElideMiddle, std::max(24.0, room));
        const double baseline = label.y + QFontMetricsF(painter.font()).ascent() / 2 - 1;
        painter.drawText(QPointF(x, baseline), name);
        const double advance = QFontMetricsF(painter.font()).horizontalAdvance(name);
        painter.setFont(number);
        painter.drawText(QPointF(x + advance + 5, baseline), label.value);
    }
}

void CurveDecor::drawLane(QCPPainter& painter, int index) {
    const CurvePlot::Lane& lane = *m_plot->m_lanes[static_cast<std::size_t>(index)];
    const ThemeColors& colors = themeColors();
    const QRect area = lane.rect->rect();
    if (lane.style.reference) {
        const double y = lane.y()->coordToPixel(*lane.style.reference);
        if (y >= area.top() - 1 && y <= area.bottom() + 1) {
            QPen pen(colors.warnLine, 1.4);
            pen.setDashPattern({1.4, 2.2});
            pen.setCapStyle(Qt::FlatCap);
            painter.setPen(pen);
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
        }
    }
    if (lane.style.main) return;
    const QRect outer = lane.rect->outerRect();
    painter.setAntialiasing(false);
    painter.setPen(hairline(colors.line));
    painter.drawLine(QPoint(8, outer.top()), QPoint(m_plot->width() - 16, outer.top()));
    painter.setAntialiasing(true);
    bool hasData = false;
    double last = NAN;
    for (const auto& curve : m_plot->m_curves)
        if (curve->lane == index && !curve->series.isEmpty()) {
            hasData = true;
            last = curve->series.y(curve->series.size() - 1);
        }
    painter.setFont(textFont(TextRole::Caption));
    painter.setPen(colors.text2);
    const int lineHeight = QFontMetrics(painter.font()).height();
    if (hasData) {
        painter.drawText(QRect(0, area.top() - lineHeight / 3, area.left() - 8, lineHeight),
                         Qt::AlignRight | Qt::AlignVCenter, m_plot->formatted(index, lane.high));
        painter.drawText(QRect(0, area.bottom() - lineHeight * 2 / 3, area.left() - 8, lineHeight),
                         Qt::AlignRight | Qt::AlignVCenter, m_plot->formatted(index, lane.low));
    }
    const int left = area.right() + 16;
    const QFont value = textFont(TextRole::LaneReadOut);
    const int valueHeight = QFontMetrics(value).height();
    const int top = outer.center().y() - (lineHeight + valueHeight) / 2;
    painter.drawText(QPoint(left, top + QFontMetrics(painter.font()).ascent()), lane.style.name);
    const int nameWidth = QFontMetrics(painter.font()).horizontalAdvance(lane.style.name);
    painter.setPen(colors.text3);
    painter.drawText(QPoint(left + nameWidth + 6, top + QFontMetrics(painter.font()).ascent()),
                     lane.style.hint);
    painter.setFont(value);
    painter.setPen(colors.text);
    const QString text = !lane.value.isEmpty()            ? lane.value
                         : hasData && std::isfinite(last) ? m_plot->formatted(index, last)
                                                          : QStringLiteral("–");
    painter.drawText(QPoint(left, top + lineHeight + QFontMetrics(value).ascent()), text);
}

QRectF CurveOverlay::fullHeight(double low, double high) const {
    const QRect first = m_plot->laneRect(0), last = m_plot->laneRect(m_plot->laneCount() - 1);
    return {low, static_cast<double>(first.top()), high - low,
            static_cast<double>(last.bottom() - first.top())};
}

void CurveOverlay::draw(QCPPainter* painter) {
    if (m_plot->m_lanes.empty()) return;
    const ThemeColors& colors = themeColors();
    const QRect area = m_plot->laneRect(0);
    const auto inside = [&](double pixel) { return pixel >= area.left() - 1 && pixel <= area.right() + 1; };
    if (m_plot->m_brush) {
        const double low = std::clamp(m_plot->toPixel(m_plot->m_brush->first),
                                      static_cast<double>(area.left()), static_cast<double>(area.right()));
        const double high = std::clamp(m_plot->toPixel(m_plot->m_brush->second),
                                       static_cast<double>(area.left()), static_cast<double>(area.right()));
        QColor veil = colors.accent;
        veil.setAlphaF(0.12F);
        painter->fillRect(fullHeight(low, high), veil);
        painter->setPen(hairline(colors.accent));
        for (const double x : {low, high})
            painter->drawLine(QPointF(x, fullHeight(x, x).top()), QPointF(x, fullHeight(x, x).bottom()));
    }
    painter->setAntialiasing(false);
    if (m_plot->m_now) {
        const double x = std::round(m_plot->toPixel(*m_plot->m_now));
        if (inside(x)) {
            painter->setPen(hairline(colors.accent));
            for (int lane = 0; lane < m_plot->laneCount(); ++lane) {
                const QRect part = m_plot->laneRect(lane);
                painter->drawLine(QPointF(x, part.top() - 2), QPointF(x, part.bottom() + 2));
            }
        }
    }
    if (m_plot->m_cursor && inside(m_plot->toPixel(*m_plot->m_cursor))) {
        const double x = std::round(m_plot->toPixel(*m_plot->m_cursor));
        painter->setPen(hairline(colors.text3));
        painter->drawLine(fullHeight(x, x).topLeft(), fullHeight(x, x).bottomLeft());
        painter->setAntialiasing(true);
        drawReadOut(*painter, *m_plot->m_cursor);
    }
    painter->setAntialiasing(true);
    if (m_plot->hasFocus() && !m_plot->m_cursor && !m_plot->property(kQuietFocus).toBool())
        drawFocusRing(*painter, QRectF(m_plot->rect()).adjusted(1, 1, -1, -1));
}

void CurveOverlay::drawReadOut(QCPPainter& painter, double x) {
    const ThemeColors& colors = themeColors();
    const auto lines = m_plot->readOut(x, std::clamp(m_plot->m_hoverLane, 0, m_plot->laneCount() - 1));
    const QPair<QString, QString> head =
        m_plot->m_head ? m_plot->m_head(x) : QPair<QString, QString>(m_plot->xName(x), QString());
    QFont bold = textFont(TextRole::Secondary), plain = textFont(TextRole::Caption);
    bold.setWeight(QFont::DemiBold);
    const QFont number = numberFont();
    const QFontMetrics boldMetrics(bold), plainMetrics(plain), numberMetrics(number);
    int width = boldMetrics.horizontalAdvance(head.first) + plainMetrics.horizontalAdvance(head.second) + 24;
    for (const auto& [name, value] : lines)
        width = std::max(width,
                         plainMetrics.horizontalAdvance(name) + numberMetrics.horizontalAdvance(value) + 20);
    const int lineHeight = std::max(18, numberMetrics.height() + 2);
    const QSize size(width + 24, lineHeight * (static_cast<int>(lines.size()) + 1) + 14);
    const QRect lane = m_plot->laneRect(std::clamp(m_plot->m_hoverLane, 0, m_plot->laneCount() - 1));
    int left = static_cast<int>(m_plot->toPixel(x)) + 9;
    if (left + size.width() > m_plot->width() - 8)
        left = static_cast<int>(m_plot->toPixel(x)) - 9 - size.width();
    const int top = std::clamp(lane.top(), 2, std::max(2, m_plot->height() - size.height() - 2));
    const QRectF frame(left + 0.5, top + 0.5, size.width(), size.height());
    painter.setPen(hairline(colors.btnline));
    painter.setBrush(colors.raised);
    painter.drawRoundedRect(frame, 4, 4);
    const QRect inner = frame.toRect().adjusted(12, 7, -12, -7);
    painter.setFont(bold);
    painter.setPen(colors.text);
    painter.drawText(QRect(inner.left(), inner.top(), inner.width(), lineHeight),
                     Qt::AlignLeft | Qt::AlignVCenter, head.first);
    painter.setFont(plain);
    painter.setPen(colors.text2);
    painter.drawText(QRect(inner.left(), inner.top(), inner.width(), lineHeight),
                     Qt::AlignRight | Qt::AlignVCenter, head.second);
    int y = inner.top() + lineHeight;
    for (const auto& [name, value] : lines) {
        const QRect row(inner.left(), y, inner.width(), lineHeight);
        painter.setFont(plain);
        painter.setPen(colors.text2);
        painter.drawText(row, Qt::AlignLeft | Qt::AlignVCenter, name);
        painter.setFont(number);
        painter.setPen(colors.text);
        painter.drawText(row, Qt::AlignRight | Qt::AlignVCenter, value);
        y += lineHeight;
    }
}

}  // namespace caravan::widgets
