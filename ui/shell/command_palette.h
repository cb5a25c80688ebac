// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <QVector>

#include "ui/shell/found_item.h"

class QLineEdit;
class QListWidget;

namespace caravan::ui {

// Everything the user can do or go to, found by a few letters. A child overlay of the window; Esc closes it.
class CommandPalette : public QFrame {
    Q_OBJECT
  public:
    using Item = FoundItem;
    explicit CommandPalette(QWidget* window);
    // Prefix characters of the query: > actions, : settings, @ experts, # runs, ? help.
    void open(QVector<Item> items);
    // Best first: prefix of a word before substring before letters in order; -1 = no match.
    [[nodiscard]] static int score(const QString& text, const QString& query);

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void filter();
    void addGroup(FoundItem::Group group, const QVector<std::pair<int, int>>& ranked);
    void move(int by);
    void complete();
    void run();
    [[nodiscard]] QString words() const;  // the query without its prefix

    QVector<Item> m_items;
    QLineEdit* m_query;
    QListWidget* m_list;
};

}  // namespace caravan::ui
