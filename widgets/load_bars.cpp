// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QKeyEvent>
#include <QLocale>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "widgets/expert_bars.h"
#include "widgets/paint.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {

LoadBars::LoadBars(QWidget* parent) : QWidget(parent) {
    installChartAccessibility();
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(tr("Load of the cell by domain"));
}

void LoadBars::setRows(const QVector<Row>& rows, int expert) {
    const bool resized = rows.size() != m_rows.size();
    m_rows = rows;
    m_expert = expert;
    m_current = std::min(m_current, static_cast<int>(rows.size()) - 1);
    if (resized) updateGeometry();
    update();
}

QSize LoadBars::sizeHint() const {
    return {280, static_cast<int>(std::max<qsizetype>(1, m_rows.size())) * 24};
}

QRect LoadBars::gridRect(int row, int) const {
    return {0, row * 24, width(), 24};
}

void LoadBars::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const ThemeColors& colors = themeColors();
    const QFont body = textFont(TextRole::Secondary), number = numberFont();
    const QFontMetrics metrics(body);
    int nameWidth = 40;
    double longest = 3.0;  // 3x fills the bar unless something is larger
    for (const Row& row : std::as_const(m_rows)) {
        nameWidth = std::max(nameWidth, metrics.horizontalAdvance(row.name) + 12);
        if (std::isfinite(row.load)) longest = std::max(longest, row.load);
    }
    nameWidth = std::min(nameWidth, width() / 3);
    const int valueWidth = QFontMetrics(number).horizontalAdvance(QStringLiteral("00.00×")) + 8;
    const QRect track(nameWidth, 0, std::max(20, width() - nameWidth - valueWidth), 24);
    for (int i = 0; i < m_rows.size(); ++i) {
        const QRect line = gridRect(i, 0);
        if (hasFocus() && i == m_current) painter.fillRect(line, colors.hover);
        painter.setFont(body);
        painter.setPen(colors.text);
        painter.drawText(QRect(0, line.top(), nameWidth - 8, 24), Qt::AlignVCenter,
                         metrics.elidedText(m_rows[i].name, Qt::ElideMiddle, nameWidth - 8));
        const QRectF bar(track.left(), line.top() + 8, track.width(), 8);
        painter.fillRect(bar, colors.alt);
        if (std::isfinite(m_rows[i].load))
            painter.fillRect(QRectF(bar.left(), bar.top(), bar.width() * m_rows[i].load / longest, 8),
                             colors.expert(m_expert));
        painter.fillRect(QRectF(std::round(bar.left() + bar.width() / longest), line.top() + 5, 1, 14),
                         colors.text);
        painter.setFont(number);
        painter.drawText(QRect(width() - valueWidth, line.top(), valueWidth, 24),
                         Qt::AlignRight | Qt::AlignVCenter, gridText(i, 0));
    }
}

void LoadBars::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) update();
    QWidget::changeEvent(event);
}

void LoadBars::setGridCurrent(int row, int) {
    if (row == m_current || row < 0 || row >= m_rows.size()) return;
    m_current = row;
    update();
    announceGridCell(*this, row, 0);
}

void LoadBars::keyPressEvent(QKeyEvent* event) {
    const int last = static_cast<int>(m_rows.size()) - 1;
    switch (event->key()) {
        case Qt::Key_Up:
            return setGridCurrent(std::max(0, m_current - 1), 0);
        case Qt::Key_Down:
            return setGridCurrent(std::min(last, m_current + 1), 0);
        case Qt::Key_Home:
            return setGridCurrent(0, 0);
        case Qt::Key_End:
            return setGridCurrent(last, 0);
        default:
            QWidget::keyPressEvent(event);
    }
}

QVariant LoadBars::gridValue(int row, int) const {
    return std::isfinite(m_rows.at(row).load) ? QVariant(m_rows.at(row).load) : QVariant();
}

QString LoadBars::gridText(int row, int) const {
    return std::isfinite(m_rows.at(row).load)
               ? QLocale().toString(m_rows.at(row).load, 'f', 2) + QStringLiteral("×")
               : QStringLiteral("–");
}

QString LoadBars::gridSentence(int row, int) const {
    if (!std::isfinite(m_rows.at(row).load)) return tr("%1, not known").arg(m_rows.at(row).name);
    return tr("%1, %2 times its share")
        .arg(m_rows.at(row).name, QLocale().toString(m_rows.at(row).load, 'f', 2));
}

}  // namespace caravan::widgets
