// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <random>

#include "ui/pages/chat/chat_session.h"

class QHBoxLayout;
class QLabel;
class QPushButton;

namespace caravan::ui {

class CompareColumn;
class ThemedLabel;
class VoteBar;

// The last question, answered by two to four sources beside each other: the same messages, sampling and seed.
// The answers are branches of the question, so that they stay where this view is left.
class CompareView : public QWidget {
    Q_OBJECT
  public:
    explicit CompareView(ChatSession* session, QWidget* parent = nullptr);
    // What can answer; current is proposed for the last column, its dense base or another for the first.
    void setSources(const std::vector<ChatSource>& all, const ChatSource& current);
    [[nodiscard]] std::vector<ChatSource> chosen() const;
    // Who is asked, column by column; for a blind vote in random order, without names from here on.
    [[nodiscard]] std::vector<ChatSource> begin();
    [[nodiscard]] bool hidesNames() const { return m_round == Round::Answering || m_round == Round::Open; }
    [[nodiscard]] bool canVote() const { return m_round == Round::Open; }
    void vote(int choice);  // a column, VoteBar::kTie or kAllBad
    void reveal();          // the names, without a vote
    [[nodiscard]] QPushButton* blindButton() const { return m_blind; }
    [[nodiscard]] QPushButton* votesButton() const { return m_votes; }
    [[nodiscard]] VoteBar* voteBar() const { return m_bar; }
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
    void roundChanged();   // names were hidden, or are shown
    void roundRestored();  // of before this window, or before another conversation

  protected:
    void showEvent(QShowEvent* event) override;

  private:
    // A blind vote: its answers come; it can be voted on; it was, and names are shown.
    enum class Round { None, Answering, Open, Told };

    void addColumn();
    void removeColumn(CompareColumn* column);
    void propose(const ChatSource& current);
    void refresh();
    void append(int turn, int first);
    void showSummary();
    void makeVoting();
    void endRound();
    void restoreRound();
    void setRound(Round round);
    void askVote();
    void tellVote();
    void showVotes();
    [[nodiscard]] const ChatTurn* answerOf(const CompareColumn& column, std::size_t index) const;

    ChatSession* m_session;
    std::vector<ChatSource> m_all;
    std::vector<CompareColumn*> m_columns;
    int m_layer = 0, m_different = -1;
    bool m_colored = true;
    bool m_stale = false;    // changed while it was hidden
    bool m_touched = false;  // the user chose a column's source: no more proposals
    Round m_round = Round::None;
    std::vector<std::int64_t> m_asked;  // the round's answers, once they are there
    int m_choice = 0;                   // what was voted
    std::vector<projects::PairTally> m_pairs;
    std::mt19937 m_random{std::random_device{}()};
    VoteBar* m_bar;
    QPushButton* m_blind;
    QPushButton* m_votes;
    QLabel* m_question;
    QHBoxLayout* m_row;
    ThemedLabel* m_first;
    ThemedLabel* m_means;
    QPushButton* m_more;
    QPushButton* m_again;
};

}  // namespace caravan::ui
