// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>

#include "ui/pages/chat/chat_turn.h"

namespace caravan::ui {

// All messages of a conversation: the path that is shown, and the branches beside it. Message ids count from
// 1; the parent of the first messages is 0.
class ChatTree {
  public:
    // Every message, in any order. leaf: where the path ended last; unknown: at the newest message.
    void load(std::vector<ChatTurn> turns, std::int64_t leaf);
    void clear();

    [[nodiscard]] const std::vector<ChatTurn>& path() const { return m_path; }
    [[nodiscard]] std::vector<ChatTurn>& path() { return m_path; }
    [[nodiscard]] std::int64_t leaf() const { return m_path.empty() ? 0 : m_path.back().message.id; }
    [[nodiscard]] ChatTurn* find(std::int64_t id);
    [[nodiscard]] const ChatTurn* find(std::int64_t id) const {
        return const_cast<ChatTree*>(this)->find(id);
    }
    // Every message by its id.
    [[nodiscard]] std::vector<const ChatTurn*> all() const;

    // Behind the end of the path: gives it its id and parent.
    ChatTurn& append(ChatTurn turn);
    // The path ends before path()[turn]; what is cut off stays as a branch.
    void cut(std::size_t turn);
    // Ids of the messages that stand in this one's place, itself among them, oldest first.
    [[nodiscard]] std::vector<std::int64_t> siblings(std::int64_t id) const;
    // The path goes through this message, and on along the newest ones behind it.
    void choose(std::int64_t id);

  private:
    [[nodiscard]] std::vector<std::int64_t> children(std::int64_t parent) const;
    std::vector<ChatTurn> m_path;
    std::map<std::int64_t, ChatTurn> m_rest;
    std::int64_t m_next = 1;
};

}  // namespace caravan::ui
