// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStyledItemDelegate>

namespace caravan::ui {

// A row of the conversation list: days as bold captions, conversations as a title and who answered.
class ConversationDelegate : public QStyledItemDelegate {
    Q_OBJECT
  public:
    enum Role { IdRole = Qt::UserRole, NoteRole, DayRole };
    using QStyledItemDelegate::QStyledItemDelegate;
    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
};

}  // namespace caravan::ui
