// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/models/model_delegate.h"

#include <QPainter>
#include <QTreeView>

#include "ui/models/model_tree.h"
#include "ui/theme/style_paint.h"
#include "ui/theme/theme.h"
#include "widgets/chip.h"

namespace caravan::ui {
namespace {

bool isNumber(int column) {
    return column == ModelTree::Parameters || column == ModelTree::Shape || column == ModelTree::Disk;
}

void paintTag(QPainter* painter, const QRect& room, const QString& tag, widgets::Chip::Tone tone) {
    const QFont font = widgets::textFont(widgets::TextRole::Caption);
    const int width = QFontMetrics(font).horizontalAdvance(tag) + 12;
    if (width > room.width()) return;
    const bool warning = tone == widgets::Chip::Tone::Warning, error = tone == widgets::Chip::Tone::Error;
    const QRectF frame(room.x(), room.center().y() - 8, width, 18);
    stylepaint::box(painter, frame,
                    Theme::color(error     ? Token::ErrBg
                                 : warning ? Token::WarnBg
                                           : Token::Alt),
                    error || warning ? QColor() : Theme::color(Token::ButtonLine), 1, 3);
    painter->setFont(font);
    painter->setPen(Theme::color(error ? Token::Err : warning ? Token::Warn : Token::Text2));
    painter->drawText(frame, Qt::AlignCenter, tag);
}

// Each of the covered cells shows its part of the one line.
void paintSentence(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) {
    const auto* view = qobject_cast<const QTreeView*>(option.widget);
    if (!view) return;
    const int left = view->columnViewportPosition(ModelTree::Type) + 8;
    const QRect line(left, option.rect.y(), view->columnViewportPosition(ModelTree::Disk) - left,
                     option.rect.height());
    painter->setClipRect(option.rect);
    painter->setFont(widgets::textFont(widgets::TextRole::Secondary));
    painter->setPen(Theme::color(Token::Text2));
    painter->drawText(
        line, Qt::AlignVCenter | Qt::TextSingleLine,
        painter->fontMetrics().elidedText(index.data().toString(), Qt::ElideRight, line.width()));
}

}  // namespace

QSize ModelDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
    return {QStyledItemDelegate::sizeHint(option, index).width(), index.parent().isValid() ? 28 : 32};
}

void ModelDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const {
    painter->save();
    const QRect row = option.rect;
    if (!index.parent().isValid()) {
        painter->setFont(widgets::textFont(widgets::TextRole::DockTitle));
        painter->setPen(Theme::color(Token::Text2));
        if (index.column() == 0)
            painter->drawText(row.adjusted(2, 0, 400, 0), Qt::AlignVCenter, index.data().toString());
        painter->restore();
        return;
    }
    QStyleOptionViewItem item = option;
    initStyleOption(&item, index);
    stylepaint::itemRow(painter, &item);
    if ((option.state & QStyle::State_HasFocus) && (option.state & QStyle::State_KeyboardFocusChange) &&
        index.column() == 0)
        painter->fillRect(QRect(0, row.y(), 2, row.height()), Theme::color(Token::Accent));
    const bool selected = option.state & QStyle::State_Selected;
    // a sentence instead of facts runs over all columns up to the last
    const bool sentence =
        index.data(ModelTree::ReasonRole).toBool() || index.data(ModelTree::ReadingRole).toBool();
    if (sentence && index.column() >= ModelTree::Type && index.column() < ModelTree::Disk) {
        paintSentence(painter, option, index.siblingAtColumn(ModelTree::Type));
        painter->restore();
        return;
    }
    QFont font =
        widgets::textFont(isNumber(index.column()) ? widgets::TextRole::Number : widgets::TextRole::Body);
    if (selected && index.column() == 0) font.setWeight(QFont::DemiBold);
    painter->setFont(font);
    painter->setPen(Theme::color(Token::Text));
    const int alignment = index.data(Qt::TextAlignmentRole).toInt();
    const QRect room =
        row.adjusted(index.column() == 0 ? 2 : 8, 0, index.column() == ModelTree::Disk ? -16 : -8, 0);
    const QString tag = index.column() == 0 ? index.data(ModelTree::TagRole).toString() : QString();
    const int tagWidth =
        tag.isEmpty()
            ? 0
            : QFontMetrics(widgets::textFont(widgets::TextRole::Caption)).horizontalAdvance(tag) + 22;
    const QString text =
        painter->fontMetrics().elidedText(index.data().toString(), Qt::ElideMiddle, room.width() - tagWidth);
    painter->drawText(room, alignment | Qt::TextSingleLine, text);
    if (!tag.isEmpty())
        paintTag(painter, room.adjusted(painter->fontMetrics().horizontalAdvance(text) + 8, 0, 0, 0), tag,
                 static_cast<widgets::Chip::Tone>(index.data(ModelTree::TagToneRole).toInt()));
    painter->restore();
}

}  // namespace caravan::ui
