// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The list of conversations: its order, what is pinned, what branches off into a conversation of its own.
#include <QUuid>
#include <algorithm>

#include "engine/api/event_json.h"
#include "projects/owner.h"
#include "ui/pages/chat/chat_session.h"

namespace caravan::ui {

// As the archive lists them.
void ChatSession::sortChats() {
    std::stable_sort(m_chats.begin(), m_chats.end(), [](const projects::Chat& a, const projects::Chat& b) {
        return a.pinned != b.pinned ? a.pinned : a.changedAt > b.changedAt;
    });
}

void ChatSession::setPinned(const QString& id, bool pinned) {
    const auto found = std::find_if(m_chats.begin(), m_chats.end(),
                                    [&](const projects::Chat& c) { return c.id == id.toStdString(); });
    if (found == m_chats.end() || found->pinned == pinned) return;
    found->pinned = pinned;
    if (m_chat.id == found->id) m_chat.pinned = pinned;
    inArchive([chat = *found](projects::ChatArchive& archive) { archive.update(chat); });
    sortChats();
    Q_EMIT chatsChanged();
}

void ChatSession::branchOff(std::size_t turn) {
    if (isStreaming() || m_chat.id.empty() || turn >= path().size()) return;
    projects::Chat fresh = m_chat;
    fresh.id = QUuid::createUuid().toString(QUuid::WithoutBraces).toStdString();
    fresh.pinned = false;
    fresh.draft.clear();
    fresh.source = nullptr;
    fresh.origin = {{"chat", m_chat.id}, {"title", m_chat.title}, {"message", path()[turn].message.id}};
    fresh.createdAt = fresh.changedAt = projects::nowMilliseconds();
    std::vector<ChatTurn> turns(path().begin(), path().begin() + static_cast<std::ptrdiff_t>(turn) + 1);
    std::int64_t id = 0;
    for (ChatTurn& each : turns) {
        each.message.parent = id;
        each.message.id = ++id;
        if (each.isAnswer()) fresh.source = each.message.source;
    }
    fresh.options = {{"leaf", id}};
    inArchive([fresh, turns](projects::ChatArchive& archive) {
        archive.create(fresh);
        for (const ChatTurn& each : turns) {
            archive.putMessage(fresh.id, each.message);
            if (!each.tokens.empty()) archive.putTokens(fresh.id, each.message.id, 0, each.tokens);
        }
    });
    m_chat = fresh;
    m_chats.insert(m_chats.begin(), fresh);
    sortChats();
    m_compared.clear();
    m_tree.load(std::move(turns), id);
    Q_EMIT chatsChanged();
    Q_EMIT pathChanged();
}

QString ChatSession::originChat() const {
    if (!m_chat.origin.is_object()) return {};
    const std::string id = m_chat.origin.value("chat", std::string());
    const bool there = std::any_of(m_chats.begin(), m_chats.end(),
                                   [&](const projects::Chat& chat) { return chat.id == id; });
    return there ? QString::fromStdString(id) : QString();
}

}  // namespace caravan::ui
