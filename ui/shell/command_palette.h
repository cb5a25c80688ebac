// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <QVector>
#include <functional>

class QLineEdit;
class QListWidget;

namespace caravan::ui {

// Everything the user can do, found by a few letters. A child overlay of the window; Esc closes it.
class CommandPalette : public QFrame {
    Q_OBJECT
  public:
    struct Item {
        QString group;  // "Actions", "Runs"
        QString text;
        QString right;  // shortcut or value
        QString icon;
        bool enabled = true;
        std::function<void()> act;
    };
    explicit CommandPalette(QWidget* window);
    // Prefix characters of the query: > actions, # runs.
    void open(QVector<Item> items);
    // Best first: prefix of a word before substring before letters in order; -1 = no match.
    [[nodiscard]] static int score(const QString& text, const QString& query);

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void filter();
    void run();
    QVector<Item> m_items;
    QLineEdit* m_query;
    QListWidget* m_list;
};

}  // namespace caravan::ui
