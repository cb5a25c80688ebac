// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "ui/pages/chat/chat_session.h"

class QHBoxLayout;
class QLabel;
class QPushButton;

namespace caravan::ui {

class CompareColumn;
class ThemedLabel;

// The last question, answered by two to four sources beside each other: the same messages, sampling and seed.
// The answers are branches of the question, so that they stay where this view is left.
class CompareView : public QWidget {
    Q_OBJECT
  public:
    explicit CompareView(ChatSession* session, QWidget* parent = nullptr);
    // What can answer; current is proposed for the last column, its dense base or another for the first.
    void setSources(const std::vector<ChatSource>& all, const ChatSource& current);
    [[nodiscard]] std::vector<ChatSource> chosen() const;
    void setLayer(int row);
    void setColored(bool colored);
    void setHighlightedExpert(int expert);
    [[nodiscard]] CompareColumn* column(int index) const {
        return m_columns[static_cast<std::size_t>(index)];
    }
    [[nodiscard]] int columns() const { return static_cast<int>(m_columns.size()); }
    [[nodiscard]] int firstDifferent() const { return m_different; }  // -1: not known, or none
    [[nodiscard]] QString summaryText() const;

  Q_SIGNALS:
    void changed();  // other sources
    void copied(const QString& text);
    void answerAgain();

  private:
    void addColumn();
    void removeColumn(CompareColumn* column);
    void propose(const ChatSource& current);
    void refresh();
    void append(int turn, int first);
    void showSummary();
    [[nodiscard]] const ChatTurn* answerOf(const CompareColumn& column, std::size_t index) const;

    ChatSession* m_session;
    std::vector<ChatSource> m_all;
    std::vector<CompareColumn*> m_columns;
    int m_layer = 0, m_different = -1;
    bool m_colored = true;
    bool m_touched = false;  // the user chose a column's source: no more proposals
    QLabel* m_question;
    QHBoxLayout* m_row;
    ThemedLabel* m_first;
    ThemedLabel* m_means;
    QPushButton* m_more;
    QPushButton* m_again;
};

}  // namespace caravan::ui
