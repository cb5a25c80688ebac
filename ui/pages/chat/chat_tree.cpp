// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/chat_tree.h"

#include <algorithm>

#include "projects/chat_export.h"

namespace caravan::ui {

void ChatTree::clear() {
    m_path.clear();
    m_rest.clear();
    m_next = 1;
}

void ChatTree::load(std::vector<ChatTurn> turns, std::int64_t leaf) {
    clear();
    for (ChatTurn& turn : turns) {
        m_next = std::max(m_next, turn.message.id + 1);
        m_rest.insert_or_assign(turn.message.id, std::move(turn));
    }
    if (m_rest.empty()) return;
    choose(m_rest.count(leaf) ? leaf : m_rest.rbegin()->first);
}

ChatTurn* ChatTree::find(std::int64_t id) {
    for (ChatTurn& turn : m_path)
        if (turn.message.id == id) return &turn;
    const auto found = m_rest.find(id);
    return found == m_rest.end() ? nullptr : &found->second;
}

std::vector<const ChatTurn*> ChatTree::all() const {
    std::vector<const ChatTurn*> found;
    for (const ChatTurn& turn : m_path)
        found.push_back(&turn);
    for (const auto& [id, turn] : m_rest)
        found.push_back(&turn);
    std::sort(found.begin(), found.end(),
              [](const ChatTurn* a, const ChatTurn* b) { return a->message.id < b->message.id; });
    return found;
}

ChatTurn& ChatTree::append(ChatTurn turn) {
    turn.message.id = m_next++;
    turn.message.parent = leaf();
    m_path.push_back(std::move(turn));
    return m_path.back();
}

void ChatTree::cut(std::size_t turn) {
    while (m_path.size() > turn) {
        const std::int64_t id = m_path.back().message.id;
        m_rest.insert_or_assign(id, std::move(m_path.back()));
        m_path.pop_back();
    }
}

std::vector<std::int64_t> ChatTree::children(std::int64_t parent) const {
    std::vector<std::int64_t> found;
    for (const ChatTurn& turn : m_path)
        if (turn.message.parent == parent) found.push_back(turn.message.id);
    for (const auto& [id, turn] : m_rest)
        if (turn.message.parent == parent) found.push_back(id);
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<std::int64_t> ChatTree::siblings(std::int64_t id) const {
    const ChatTurn* turn = find(id);
    return turn == nullptr ? std::vector<std::int64_t>{} : children(turn->message.parent);
}

void ChatTree::choose(std::int64_t id) {
    if (find(id) == nullptr) return;
    cut(0);
    std::vector<projects::MessageLink> links;
    for (const auto& [each, turn] : m_rest)
        links.push_back({each, turn.message.parent});
    for (const std::int64_t each : projects::pathThrough(links, id))
        m_path.push_back(std::move(m_rest.extract(each).mapped()));
}

}  // namespace caravan::ui
