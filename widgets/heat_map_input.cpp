// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// How a cell of the map is reached: keys, mouse, "go to", and what is said of it under the mouse.
#include <QHelpEvent>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMouseEvent>
#include <QRegularExpression>
#include <QScrollBar>
#include <QToolTip>

#include "widgets/heat_map.h"

namespace caravan::widgets {

void HeatMap::moveTo(int row, int column) {
    if (m_data.rows == 0 || m_data.columns == 0) return;
    setCurrentCell(std::clamp(row, 0, m_data.rows - 1), std::clamp(column, 0, m_data.columns - 1));
}

void HeatMap::ensureVisible() {
    if (m_row < 0) return;
    const int top = m_row * m_layout.cellHeight, left = m_column * m_layout.cellWidth;
    if (top < verticalScrollBar()->value()) verticalScrollBar()->setValue(top);
    if (top + m_layout.cellHeight > verticalScrollBar()->value() + m_layout.visibleHeight)
        verticalScrollBar()->setValue(top + m_layout.cellHeight - m_layout.visibleHeight);
    if (left < horizontalScrollBar()->value()) horizontalScrollBar()->setValue(left);
    if (left + m_layout.cellWidth > horizontalScrollBar()->value() + m_layout.visibleWidth)
        horizontalScrollBar()->setValue(left + m_layout.cellWidth - m_layout.visibleWidth);
}

bool HeatMap::goTo(const QString& text) {
    const QStringList parts = text.trimmed().split(QRegularExpression(QStringLiteral("[.,: ]+")));
    bool isNumber = false;
    const int label = parts.value(0).toInt(&isNumber);
    if (!isNumber) return false;
    bool hasColumn = false;
    int column = parts.value(1).toInt(&hasColumn);
    if (!hasColumn) column = std::max(0, m_column);
    for (int row = 0; row < m_data.rows; ++row)
        if (rowLabel(row) == label && column < m_data.columns) {
            setCurrentCell(row, column);
            return true;
        }
    return false;
}

void HeatMap::openGoTo() {
    if (m_goTo == nullptr) {
        m_goTo = new QLineEdit(this);
        m_goTo->setPlaceholderText(QStringLiteral("12.3"));
        m_goTo->setAccessibleName(tr("Go to %1 and %2").arg(m_rowWord, m_columnWord));
        m_goTo->setGeometry(4, 0, 72, 24);
        connect(m_goTo, &QLineEdit::returnPressed, this, [this] {
            if (!goTo(m_goTo->text())) return;
            m_goTo->hide();
            setFocus();
        });
        connect(m_goTo, &QLineEdit::editingFinished, this, [this] { m_goTo->hide(); });
    }
    m_goTo->clear();
    m_goTo->show();
    m_goTo->raise();
    m_goTo->setFocus();
}

void HeatMap::mousePressEvent(QMouseEvent* event) {
    const QPoint cell = cellAt(event->pos());
    if (event->button() == Qt::LeftButton && cell.y() >= 0) setCurrentCell(cell.y(), cell.x());
}

void HeatMap::mouseDoubleClickEvent(QMouseEvent* event) {
    const QPoint cell = cellAt(event->pos());
    if (event->button() == Qt::LeftButton && cell.y() >= 0) Q_EMIT cellActivated(cell.y(), cell.x());
}

void HeatMap::mouseMoveEvent(QMouseEvent* event) {
    const QPoint cell = cellAt(event->pos());
    if (cell == m_hovered) return;
    m_hovered = cell;
    Q_EMIT cellHovered(cell.y(), cell.x());
}

void HeatMap::keyPressEvent(QKeyEvent* event) {
    if (event->modifiers() & (Qt::ControlModifier | Qt::AltModifier)) return event->ignore();
    const int row = std::max(0, m_row), column = std::max(0, m_column);
    const bool none = m_row < 0;
    switch (event->key()) {
        case Qt::Key_Left:
            moveTo(row, none ? 0 : column - 1);
            break;
        case Qt::Key_Right:
            moveTo(row, none ? 0 : column + 1);
            break;
        case Qt::Key_Up:
            moveTo(none ? 0 : row - 1, column);
            break;
        case Qt::Key_Down:
            moveTo(none ? 0 : row + 1, column);
            break;
        case Qt::Key_Home:
            moveTo(row, 0);
            break;
        case Qt::Key_End:
            moveTo(row, m_data.columns - 1);
            break;
        case Qt::Key_Return:
        case Qt::Key_Enter:
            if (!none) Q_EMIT cellActivated(m_row, m_column);
            break;
        case Qt::Key_G:
            openGoTo();
            break;
        default:
            event->ignore();
    }
}

void HeatMap::focusInEvent(QFocusEvent* event) {
    if (m_row < 0 && event->reason() != Qt::MouseFocusReason) moveTo(0, 0);
    QAbstractScrollArea::focusInEvent(event);
    viewport()->update();
}

void HeatMap::focusOutEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusOutEvent(event);
    viewport()->update();
}

bool HeatMap::viewportEvent(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        auto* help = static_cast<QHelpEvent*>(event);
        const QPoint cell = cellAt(help->pos());
        if (cell.y() < 0) {
            QToolTip::hideText();
        } else {
            QString text = gridSentence(cell.y(), cell.x());
            if (!text.isEmpty()) text[0] = text[0].toUpper();
            const QString more = m_tip ? m_tip(cell.y(), cell.x()) : QString();
            QToolTip::showText(help->globalPos(), more.isEmpty() ? text : text + QLatin1Char('\n') + more,
                               viewport());
        }
        return true;
    }
    if (event->type() == QEvent::Leave && m_hovered.y() >= 0) {
        m_hovered = {-1, -1};
        Q_EMIT cellHovered(-1, -1);
    }
    return QAbstractScrollArea::viewportEvent(event);
}

}  // namespace caravan::widgets
