// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/conversation_delegate.h"

#include <QPainter>

#include "ui/theme/theme.h"

namespace caravan::ui {

using widgets::TextRole;

QSize ConversationDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex& index) const {
    if (index.data(DayRole).toBool()) return {160, 32};
    return {160, index.data(NoteRole).toString().isEmpty() ? 28 : 44};
}

void ConversationDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                                 const QModelIndex& index) const {
    painter->save();
    const bool day = index.data(DayRole).toBool(), enabled = index.flags() & Qt::ItemIsEnabled;
    const bool selected = (option.state & QStyle::State_Selected) && enabled;
    if (selected) {
        painter->fillRect(option.rect, Theme::color(Token::Soft));
        painter->fillRect(QRect(option.rect.topLeft(), QSize(3, option.rect.height())),
                          Theme::color(Token::Accent));
    } else if (enabled && (option.state & QStyle::State_MouseOver)) {
        painter->fillRect(option.rect, Theme::color(Token::Hover));
    }
    const QRect text = option.rect.adjusted(16, 0, -12, 0);
    QFont font = widgets::textFont(day ? TextRole::Caption : TextRole::Secondary);
    if (day || selected) font.setWeight(QFont::DemiBold);
    painter->setFont(font);
    painter->setPen(Theme::color(day || !enabled ? Token::Text2 : Token::Text));
    const QString note = index.data(NoteRole).toString();
    const QRect line = note.isEmpty() ? text.adjusted(0, day ? 8 : 0, 0, 0) : text.adjusted(0, 4, 0, -20);
    painter->drawText(
        line, Qt::AlignVCenter | Qt::AlignLeft,
        painter->fontMetrics().elidedText(index.data().toString(), Qt::ElideRight, line.width()));
    if (!note.isEmpty()) {
        painter->setFont(widgets::textFont(TextRole::Caption));
        painter->setPen(Theme::color(Token::Text2));
        painter->drawText(text.adjusted(0, 22, 0, -4), Qt::AlignVCenter | Qt::AlignLeft,
                          painter->fontMetrics().elidedText(note, Qt::ElideMiddle, text.width()));
    }
    painter->restore();
}

}  // namespace caravan::ui
