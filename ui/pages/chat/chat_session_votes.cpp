// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Votes on answers that were shown without names.
#include <QSettings>

#include "projects/project.h"
#include "ui/pages/chat/chat_session.h"
#include "ui/project_context.h"

namespace caravan::ui {
namespace {

const QString kRounds = QStringLiteral("chat/open_rounds");

}  // namespace

void ChatSession::vote(projects::Vote::Outcome outcome, int best) {
    projects::Vote vote;
    vote.outcome = outcome;
    vote.best = best;
    for (const std::int64_t id : m_compared) {
        const ChatTurn* turn = m_tree.find(id);
        if (turn == nullptr) return;
        vote.question = turn->message.parent;
        vote.answers.push_back({id, turn->message.source});
    }
    if (vote.answers.size() < 2) return;
    inArchive([chat = m_chat.id, vote](projects::ChatArchive& archive) { archive.putVote(chat, vote); });
    if (best >= 0) choose(m_compared[static_cast<std::size_t>(best)]);
    readVotes();
}

QString ChatSession::roundKey() const {
    return m_project == nullptr ? QString() : m_project->folder() + QLatin1Char('\n') + currentChat();
}

void ChatSession::keepRound(const std::vector<std::int64_t>& answers) {
    QStringList ids;
    for (const std::int64_t id : answers)
        ids << QString::number(id);
    QVariantMap rounds = QSettings().value(kRounds).toMap();
    rounds.insert(roundKey(), ids);
    QSettings().setValue(kRounds, rounds);
}

void ChatSession::dropRound() {
    QVariantMap rounds = QSettings().value(kRounds).toMap();
    if (rounds.remove(roundKey()) > 0) QSettings().setValue(kRounds, rounds);
}

// Nothing where an answer is gone: the round cannot be told any more.
std::vector<std::int64_t> ChatSession::keptRound() const {
    std::vector<std::int64_t> answers;
    for (const QString& id : QSettings().value(kRounds).toMap().value(roundKey()).toStringList()) {
        answers.push_back(id.toLongLong());
        const ChatTurn* turn = m_tree.find(answers.back());
        if (turn == nullptr || !turn->isAnswer() || !turn->message.summary.is_object()) return {};
    }
    return answers;
}

void ChatSession::readVotes() {
    using Pairs = std::vector<projects::PairTally>;
    if (m_project == nullptr) {
        Q_EMIT votesRead({});
        return;
    }
    m_project->inProject<Pairs>(
        this,
        [](ProjectStore& project) {
            projects::ChatArchive archive(project.project);
            static_cast<void>(archive.flush());
            return projects::tallied(archive.allVotes().value_or(std::vector<projects::Vote>{}));
        },
        [this](const Pairs& pairs) { Q_EMIT votesRead(pairs); });
}

}  // namespace caravan::ui
