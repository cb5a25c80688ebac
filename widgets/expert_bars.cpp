// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/expert_bars.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QLocale>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "widgets/paint.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {
namespace {

constexpr int kMostExperts = 32;

QString percent(double share) {
    return QLocale().toString(share * 100, 'f', 1) + QStringLiteral("\u2009%");
}

}  // namespace

ExpertBars::ExpertBars(QWidget* parent) : QWidget(parent) {
    installChartAccessibility();
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(tr("Share of tokens by expert and domain"));
}

void ExpertBars::setShares(const QStringList& domains, const QVector<QVector<double>>& shares) {
    m_domains = domains;
    m_shares = shares;
    m_shares.resize(domains.size());
    if (m_current >= gridRows()) m_current = -1;
    chooseShown();
    double highest = gridRows() > 0 ? 1.5 / gridRows() : 0.25;
    for (const auto& domain : std::as_const(m_shares))
        for (const double share : domain)
            if (std::isfinite(share)) highest = std::max(highest, share * 1.06);
    // Steps at which the axis may end: it does not jump with every batch.
    for (const double top : {0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0})
        if (highest <= top || top == 1.0) {
            m_top = top;
            break;
        }
    update();
}

void ExpertBars::chooseShown() {
    m_shown.resize(gridRows());
    std::iota(m_shown.begin(), m_shown.end(), 0);
    if (m_shown.size() <= kMostExperts) return;
    const double even = 1.0 / gridRows();
    const auto deviation = [&](int expert) {
        double most = 0;
        for (const auto& domain : std::as_const(m_shares))
            if (std::isfinite(domain.value(expert, NAN)))
                most = std::max(most, std::abs(domain[expert] - even));
        return most;
    };
    std::stable_sort(m_shown.begin(), m_shown.end(),
                     [&](int a, int b) { return deviation(a) > deviation(b); });
    m_shown.resize(kMostExperts);
    if (m_current >= 0 && !m_shown.contains(m_current)) m_shown.last() = m_current;
    std::sort(m_shown.begin(), m_shown.end());
}

void ExpertBars::setCurrentExpert(int expert) {
    if (expert == m_current || expert >= gridRows()) return;
    m_current = expert;
    chooseShown();
    update();
    if (expert >= 0) announceGridCell(*this, expert, 0);
    Q_EMIT currentExpertChanged(expert);
}

void ExpertBars::setEmptyText(const QString& text) {
    m_emptyText = text;
    update();
}

QRectF ExpertBars::plotArea(QSize size) const {
    const QFontMetrics metrics(textFont(TextRole::Caption));
    const int left = metrics.horizontalAdvance(QStringLiteral("100 %")) + 14;
    return {static_cast<double>(left), 10, std::max(10.0, size.width() - left - 12.0),
            std::max(10.0, size.height() - 10.0 - metrics.height() - 12)};
}

QRectF ExpertBars::barRect(int place, int domain, QSize size) const {
    const QRectF area = plotArea(size);
    const int domains = std::max<int>(1, static_cast<int>(m_domains.size()));
    const double group = area.width() / std::max<qsizetype>(1, m_shown.size());
    const double gap = group > 24 ? 2 : 0;
    const double width = std::clamp((group * 0.72 - gap * (domains - 1)) / domains, 1.0, 28.0);
    const double all = width * domains + gap * (domains - 1);
    const double left = area.left() + group * place + (group - all) / 2 + domain * (width + gap);
    const double share = m_shares[domain].value(m_shown[place], NAN);
    const double height = std::isfinite(share) ? std::clamp(share / m_top, 0.0, 1.0) * area.height() : 0;
    return {std::round(left), std::round(area.bottom() - height), std::max(1.0, std::round(width)),
            std::round(height)};
}

void ExpertBars::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintChart(painter, size());
    if (hasFocus() && m_current < 0) drawFocusRing(painter, rect());
}

void ExpertBars::paintChart(QPainter& painter, QSize size) {
    const ThemeColors& colors = themeColors();
    painter.fillRect(QRect({}, size), colors.base);
    if (gridRows() == 0) {
        painter.setFont(textFont(TextRole::Secondary));
        painter.setPen(colors.text3);
        painter.drawText(QRect({}, size), Qt::AlignCenter | Qt::TextWordWrap, m_emptyText);
        return;
    }
    const QRectF area = plotArea(size);
    const QFont caption = textFont(TextRole::Caption);
    QFont bold = caption;
    bold.setWeight(QFont::Bold);
    const QFontMetrics metrics(caption);
    const double even = 1.0 / gridRows();
    const double step = m_top <= 0.1 ? 0.02 : m_top <= 0.2 ? 0.05 : m_top <= 0.5 ? 0.1 : 0.25;
    painter.setFont(caption);
    const double evenY = area.bottom() - even / m_top * area.height();
    for (double tick = 0; tick <= m_top + 1e-9; tick += step) {
        const double y = std::round(area.bottom() - tick / m_top * area.height()) + 0.5;
        painter.setPen(hairline(tick == 0 ? colors.ctl : colors.grid));
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
        if (std::abs(y - evenY) < metrics.height()) continue;  // 1/n takes the place
        painter.setPen(colors.text2);
        painter.drawText(QRectF(0, y - metrics.height() / 2.0, area.left() - 8, metrics.height()),
                         Qt::AlignRight | Qt::AlignVCenter,
                         QLocale().toString(tick * 100, 'g', 3) + QStringLiteral("\u2009%"));
    }
    const double group = area.width() / static_cast<double>(m_shown.size());
    const int stride = std::max(
        1, static_cast<int>(std::ceil((metrics.horizontalAdvance(QStringLiteral("E00")) + 4) / group)));
    for (int place = 0; place < m_shown.size(); ++place) {
        const int expert = m_shown[place];
        for (int domain = 0; domain < m_domains.size(); ++domain) {
            const QRectF bar = barRect(place, domain, size);
            const Fill fill = m_domains.size() == 1 ? Fill::Solid : domainFill(domain);
            drawBar(painter, bar, colors.expert(expert), fill);
            if (fill == Fill::Hatched && bar.height() >= 1)
                painter.fillRect(QRectF(bar.left(), bar.top(), bar.width(), 1), colors.expert(expert));
        }
        const bool current = expert == m_current;
        if (place % stride != 0 && !current) continue;
        painter.setFont(current ? bold : caption);
        painter.setPen(current ? colors.text : colors.text2);
        painter.drawText(
            QRectF(area.left() + group * place - 12, area.bottom() + 5, group + 24, metrics.height()),
            Qt::AlignCenter, QStringLiteral("E%1").arg(expert));
    }
    QPen dashed(colors.text, 1.2);
    dashed.setDashPattern({3, 2.5});
    dashed.setCapStyle(Qt::FlatCap);
    painter.setPen(dashed);
    painter.drawLine(QPointF(area.left(), std::round(evenY) + 0.5),
                     QPointF(area.right(), std::round(evenY) + 0.5));
    painter.setFont(bold);
    painter.setPen(colors.text);
    painter.drawText(QRectF(0, evenY - metrics.height() / 2.0, area.left() - 8, metrics.height()),
                     Qt::AlignRight | Qt::AlignVCenter, QStringLiteral("1/n"));
}

int ExpertBars::expertAt(QPoint position) const {
    const QRectF area = plotArea(size());
    if (m_shown.isEmpty() || position.x() < area.left() || position.x() >= area.right()) return -1;
    return m_shown.value(
        static_cast<int>((position.x() - area.left()) / area.width() * static_cast<double>(m_shown.size())),
        -1);
}

void ExpertBars::mousePressEvent(QMouseEvent* event) {
    const int expert = expertAt(event->pos());
    if (event->button() == Qt::LeftButton && expert >= 0) setCurrentExpert(expert);
}

void ExpertBars::keyPressEvent(QKeyEvent* event) {
    const qsizetype place = m_shown.indexOf(m_current);
    switch (event->key()) {
        case Qt::Key_Left:
            setCurrentExpert(m_shown.value(std::max<qsizetype>(0, place - 1), -1));
            break;
        case Qt::Key_Right:
            setCurrentExpert(m_shown.value(std::min(m_shown.size() - 1, place + 1), -1));
            break;
        case Qt::Key_Home:
            setCurrentExpert(m_shown.value(0, -1));
            break;
        case Qt::Key_End:
            setCurrentExpert(m_shown.value(m_shown.size() - 1, -1));
            break;
        default:
            event->ignore();
    }
}

void ExpertBars::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) update();
    QWidget::changeEvent(event);
}

bool ExpertBars::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        auto* help = static_cast<QHelpEvent*>(event);
        const int expert = expertAt(help->pos());
        if (expert < 0) {
            QToolTip::hideText();
            return true;
        }
        QStringList lines{tr("Expert %1").arg(expert)};
        for (int domain = 0; domain < m_domains.size(); ++domain)
            lines << m_domains[domain] + QStringLiteral(": ") + gridText(expert, domain);
        QToolTip::showText(help->globalPos(), lines.join(QLatin1Char('\n')), this);
        return true;
    }
    return QWidget::event(event);
}

int ExpertBars::gridRows() const {
    qsizetype experts = 0;
    for (const auto& domain : m_shares)
        experts = std::max(experts, domain.size());
    return static_cast<int>(experts);
}

QString ExpertBars::gridRowName(int row) const {
    return QStringLiteral("E%1").arg(row);
}

QVariant ExpertBars::gridValue(int row, int column) const {
    const double share = m_shares.value(column).value(row, NAN);
    return std::isfinite(share) ? QVariant(share) : QVariant();
}

QString ExpertBars::gridText(int row, int column) const {
    const QVariant share = gridValue(row, column);
    return share.isValid() ? percent(share.toDouble()) : QStringLiteral("–");
}

QString ExpertBars::gridSentence(int row, int column) const {
    return tr("expert %1, %2, %3 of the tokens").arg(row).arg(gridColumnName(column), gridText(row, column));
}

QRect ExpertBars::gridRect(int row, int column) const {
    const qsizetype place = m_shown.indexOf(row);
    return place < 0 ? QRect() : barRect(static_cast<int>(place), column, size()).toRect();
}

FillLegend::FillLegend(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
}

void FillLegend::setItems(const QStringList& items) {
    if (items == m_items) return;
    m_items = items;
    updateGeometry();
    update();
}

QSize FillLegend::sizeHint() const {
    const QFontMetrics metrics(textFont(TextRole::Caption));
    int width = 0;
    for (const QString& item : m_items)
        width += metrics.horizontalAdvance(item) + 32;
    return {width, 18};
}

void FillLegend::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const ThemeColors& colors = themeColors();
    painter.setFont(textFont(TextRole::Caption));
    const QFontMetrics metrics(painter.font());
    int x = 0;
    for (int i = 0; i < m_items.size(); ++i) {
        const QRectF box(x, height() / 2 - 6, 12, 12);
        const Fill fill = m_items.size() == 1 ? Fill::Solid : domainFill(i);
        drawBar(painter, box, colors.text2, fill);
        if (fill == Fill::Hatched) {
            painter.setPen(hairline(colors.text2));
            painter.setBrush(Qt::NoBrush);
            painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5));
        }
        painter.setPen(colors.text2);
        painter.drawText(QRect(x + 17, 0, metrics.horizontalAdvance(m_items[i]) + 2, height()),
                         Qt::AlignVCenter, m_items[i]);
        x += metrics.horizontalAdvance(m_items[i]) + 32;
    }
}

}  // namespace caravan::widgets
