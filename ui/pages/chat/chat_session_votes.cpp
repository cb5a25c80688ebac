// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Votes on answers that were shown without names.
#include "projects/project.h"
#include "ui/pages/chat/chat_session.h"
#include "ui/project_context.h"

namespace caravan::ui {

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
