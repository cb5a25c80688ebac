// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Blind votes: answers in random order under letters, names only after the vote.
#include <QPushButton>
#include <QSignalBlocker>
#include <algorithm>

#include "ui/format/format.h"
#include "ui/pages/chat/compare_column.h"
#include "ui/pages/chat/compare_view.h"
#include "ui/pages/chat/vote_bar.h"
#include "ui/pages/chat/vote_table.h"

namespace caravan::ui {

void CompareView::makeVoting() {
    m_blind->setCheckable(true);
    m_blind->setToolTip(
        tr("The next answers come in random order under letters; you vote, then the names are shown"));
    m_votes->setToolTip(tr("How the models fared against each other in blind votes"));
    m_bar->hide();
    m_votes->hide();
    connect(m_blind, &QPushButton::toggled, this, [this](bool on) {
        if (!on) reveal();
    });
    connect(m_votes, &QPushButton::clicked, this, [this] { showVotes(); });
    connect(m_bar, &VoteBar::voted, this, &CompareView::vote);
    connect(m_bar, &VoteBar::ended, this, &CompareView::reveal);
    connect(m_session, &ChatSession::streamingChanged, this, [this](bool streaming) {
        if (!streaming) endRound();
    });
    connect(m_session, &ChatSession::votesRead, this, [this](const std::vector<projects::PairTally>& pairs) {
        m_pairs = pairs;
        if (m_round == Round::Told) tellVote();
        refresh();
    });
}

std::vector<ChatSource> CompareView::begin() {
    m_session->dropRound();
    std::vector<ChatSource> sources = chosen();
    if (!m_blind->isChecked() || sources.size() < m_columns.size()) {
        setRound(Round::None);
        return sources;
    }
    std::shuffle(sources.begin(), sources.end(), m_random);
    for (std::size_t i = 0; i < sources.size(); ++i)
        m_columns[i]->choose(sources[i]);
    m_touched = true;  // the columns' sources are no proposal any more
    m_asked.clear();
    setRound(Round::Answering);
    return sources;
}

// A round counts only if every column has answered.
void CompareView::endRound() {
    if (m_round != Round::Answering) return;
    m_asked = m_session->compared();
    const bool whole = m_asked.size() == m_columns.size() &&
                       std::all_of(m_asked.begin(), m_asked.end(), [this](std::int64_t id) {
                           const ChatTurn* turn = m_session->tree().find(id);
                           return turn != nullptr && turn->error.isEmpty() &&
                                  turn->message.summary.is_object() &&
                                  turn->message.summary.value("finish", std::string()) != "cancelled";
                       });
    if (whole) askVote();
    if (whole) m_session->keepRound(m_asked);
    setRound(whole ? Round::Open : Round::None);
}

// A round that was open when the window closed, or when another conversation was opened, goes on: the same
// answers under the same letters. A vote is on answers: it needs none of the models that gave them.
void CompareView::restoreRound() {
    if (m_round != Round::None || m_session->isStreaming()) return;
    const std::vector<std::int64_t> answers = m_session->keptRound();
    if (answers.size() < 2) return;
    std::vector<ChatSource> sources;
    for (const std::int64_t id : answers)
        sources.push_back(m_session->tree().find(id)->source());
    m_session->setCompared(answers);
    while (m_columns.size() < answers.size())
        addColumn();
    while (m_columns.size() > answers.size() && m_columns.size() > 2)
        removeColumn(m_columns.back());
    for (std::size_t i = 0; i < sources.size(); ++i)
        m_columns[i]->choose(sources[i]);
    m_touched = true;
    {
        const QSignalBlocker quiet(m_blind);
        m_blind->setChecked(true);
    }
    m_asked = answers;
    askVote();
    setRound(Round::Open);
    Q_EMIT roundRestored();
}

// Which column's model is gone is not said: that would name an answer.
void CompareView::askVote() {
    QStringList gone;
    for (const CompareColumn* column : m_columns)
        if (const QString words = column->goneWords(); !words.isEmpty()) gone << words;
    gone.sort();
    m_bar->ask(static_cast<int>(m_columns.size()), gone);
}

void CompareView::reveal() {
    if (!hidesNames()) return;
    m_session->dropRound();
    setRound(Round::None);
}

void CompareView::setRound(Round round) {
    if (m_round == round) return;
    m_round = round;
    m_bar->setVisible(round == Round::Open || round == Round::Told);
    refresh();
    Q_EMIT roundChanged();
}

void CompareView::vote(int choice) {
    if (m_round != Round::Open || choice >= static_cast<int>(m_columns.size())) return;
    using Outcome = projects::Vote::Outcome;
    m_choice = choice;
    m_session->dropRound();
    tellVote();
    setRound(Round::Told);
    m_session->vote(choice >= 0               ? Outcome::Better
                    : choice == VoteBar::kTie ? Outcome::Tie
                                              : Outcome::AllBad,
                    std::max(choice, -1));
}

// What was voted and, of two models, how they stand now.
void CompareView::tellVote() {
    QString words = m_choice >= 0
                        ? tr("%1 is better; the conversation goes on with it.").arg(columnLetter(m_choice))
                    : m_choice == VoteBar::kTie ? tr("A tie.")
                    : m_columns.size() == 2     ? tr("Both are bad.")
                                                : tr("All are bad.");
    const auto voter = [this](std::size_t column) {
        const ChatTurn* turn = m_session->tree().find(m_asked[column]);
        return turn == nullptr ? std::string() : projects::voterWords(turn->message.source);
    };
    if (m_asked.size() == 2)
        for (const projects::PairTally& pair : m_pairs) {
            const bool straight = pair.first == voter(0) && pair.second == voter(1);
            if (!straight && !(pair.first == voter(1) && pair.second == voter(0))) continue;
            words +=
                QLatin1Char(' ') + tr("These two so far: A better %1, B better %2, ties %3, both bad %4")
                                       .arg(withThousands(straight ? pair.firstBetter : pair.secondBetter),
                                            withThousands(straight ? pair.secondBetter : pair.firstBetter),
                                            withThousands(pair.ties), withThousands(pair.bothBad));
        }
    m_bar->tell(words);
}

void CompareView::showVotes() {
    auto* table = new VoteTable(m_pairs, this);
    table->setAttribute(Qt::WA_DeleteOnClose);
    table->open();
}

}  // namespace caravan::ui
