// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Hit test, selection and keys of the token strip.
#include <QAccessible>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QToolTip>
#include <algorithm>

#include "widgets/token_strip.h"
#include "widgets/token_strip_parts.h"

namespace caravan::widgets {

int TokenStrip::tokenAt(const QPoint& point) const {
    for (const auto& p : m_paragraphs) {
        if (point.y() < p->y || point.y() >= p->y + p->height) continue;
        for (int i = 0; i < p->layout.lineCount(); ++i) {
            const QTextLine line = p->layout.lineAt(i);
            const qreal y = p->y + line.y();
            if (point.y() < y || point.y() >= y + line.height() + kStripLineSpacing) continue;
            if (point.x() > line.x() + line.naturalTextWidth() + 2) return -1;
            const int cursor = line.xToCursor(point.x(), QTextLine::CursorOnCharacter);
            const auto next = std::upper_bound(p->starts.begin(), p->starts.end(), cursor);
            return p->firstToken + static_cast<int>(next - p->starts.begin()) - 1;
        }
    }
    return -1;
}

// First token of the cell that this token shares (tokens before it without text of their own).
int TokenStrip::cellStart(int token) const {
    while (token > 0 && m_tokens[static_cast<std::size_t>(token - 1)].text.isEmpty())
        --token;
    return token;
}

QRect TokenStrip::tokenRect(int index) const {
    if (index < 0 || index >= count()) return {};
    int shown = index;  // a token without text shows the cell of the token that completes its character
    while (shown + 1 < count() && m_tokens[static_cast<std::size_t>(shown)].text.isEmpty())
        ++shown;
    if (m_layoutWidth <= 0) layoutParagraphs(0, std::max(1, width()));
    const Paragraph* p = paragraphOf(shown);
    if (p == nullptr) return {};
    const QTextLine line = p->layout.lineForTextPosition(p->start(shown));
    if (!line.isValid()) return {};
    const int to = std::min(p->end(shown), line.textStart() + line.textLength());
    const qreal x1 = line.cursorToX(p->start(shown)), x2 = line.cursorToX(to);
    return QRectF(x1, p->y + line.y(), std::max(2.0, x2 - x1), line.height()).toRect();
}

void TokenStrip::select(int index) {
    index = std::clamp(index, -1, count() - 1);
    if (index == m_selected) return;
    m_selected = index;
    update();
    if (index >= 0) {
        const StripToken& t = m_tokens[static_cast<std::size_t>(index)];
        setAccessibleDescription(t.accessibleText.isEmpty() ? t.text : t.accessibleText);
        QAccessibleEvent changed(this, QAccessible::DescriptionChanged);
        QAccessible::updateAccessibility(&changed);
    }
    Q_EMIT selectedChanged(index);
}

void TokenStrip::mousePressEvent(QMouseEvent* event) {
    const int hit = tokenAt(event->pos());
    if (hit < 0) return QWidget::mousePressEvent(event);
    const int first = cellStart(hit);
    const bool inCell = m_selected >= first && m_selected <= hit;
    select(inCell && first < hit ? (m_selected == hit ? first : m_selected + 1) : hit);
}

void TokenStrip::mouseDoubleClickEvent(QMouseEvent* event) {
    if (tokenAt(event->pos()) >= 0) Q_EMIT activated(m_selected);
}

void TokenStrip::moveSelection(int delta) {
    select(std::clamp(m_selected < 0 ? 0 : m_selected + delta, 0, count() - 1));
}

void TokenStrip::moveSelectionByLine(int direction) {
    const QRect r = tokenRect(m_selected);
    for (int step = 1; step <= 4; ++step) {
        const int hit = tokenAt({r.center().x(), r.center().y() + direction * step * (r.height() / 2 + 6)});
        if (hit >= 0 && hit != m_selected && tokenRect(hit).top() != r.top()) return select(hit);
    }
}

void TokenStrip::keyPressEvent(QKeyEvent* event) {
    if (count() == 0) return QWidget::keyPressEvent(event);
    switch (event->key()) {
        case Qt::Key_Right:
            return moveSelection(1);
        case Qt::Key_Left:
            return moveSelection(-1);
        case Qt::Key_Home:
            return select(0);
        case Qt::Key_End:
            return select(count() - 1);
        case Qt::Key_Up:
            return moveSelectionByLine(-1);
        case Qt::Key_Down:
            return moveSelectionByLine(1);
        case Qt::Key_Return:
        case Qt::Key_Enter:
            if (m_selected >= 0) Q_EMIT activated(m_selected);
            return;
        default:
            QWidget::keyPressEvent(event);
    }
}

bool TokenStrip::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const int hit = tokenAt(help->pos());
        if (hit >= 0 && !token(hit).accessibleText.isEmpty())
            QToolTip::showText(help->globalPos(), token(hit).accessibleText, this, tokenRect(hit));
        else
            QToolTip::hideText();
        return true;
    }
    return QWidget::event(event);
}

}  // namespace caravan::widgets
