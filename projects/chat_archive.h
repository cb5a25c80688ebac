// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/api/engine.h"
#include "projects/project.h"

namespace caravan::projects {

struct Vote;  // chat_votes.h

struct Chat {
    std::string id;
    std::string title, system, draft;
    nlohmann::json source = nullptr;   // ModelSource
    nlohmann::json options = nullptr;  // GenerateOptions
    nlohmann::json origin = nullptr;   // {chat, title, message}: where it branched off, if it did
    bool pinned = false;               // stays on top of the list
    std::int64_t createdAt = 0, changedAt = 0;
    friend bool operator==(const Chat&, const Chat&) = default;
};
struct Message {
    std::int64_t id = 0;      // from 1 in its chat
    std::int64_t parent = 0;  // 0 = first; siblings are branches of one conversation
    std::string role, content;
    nlohmann::json source = nullptr;   // what answered
    nlohmann::json summary = nullptr;  // GenerateSummary
    std::int64_t createdAt = 0;
    friend bool operator==(const Message&, const Message&) = default;
};

// Conversations of a project. Each edit is one line of chats/ID.jsonl and the same rows in the database, so
// the database can be made again from the lines. Writing does not block; reading blocks on the disk.
class ChatArchive {
  public:
    explicit ChatArchive(std::shared_ptr<Project> project) : m_project(std::move(project)) {}

    std::string create(Chat chat);  // fills id and times if empty; returns the id
    void update(Chat chat);
    void remove(const std::string& chat);
    void putMessage(const std::string& chat, Message message);  // new, or edited; its tokens stay
    void removeMessage(const std::string& chat, std::int64_t message);
    // Tokens first, first + 1, ... of an answer; call it every few tokens while it streams so that none is
    // lost.
    void putTokens(const std::string& chat, std::int64_t message, std::int64_t first,
                   const std::vector<engine::TokenEvent>& tokens);
    void putVote(const std::string& chat, Vote vote);
    [[nodiscard]] engine::Result<void> flush() { return m_project->store().flush(); }

    [[nodiscard]] engine::Result<std::vector<Chat>> chats();  // pinned ones, then newest first
    [[nodiscard]] engine::Result<std::vector<Message>> messages(const std::string& chat);
    [[nodiscard]] engine::Result<std::vector<engine::TokenEvent>> tokens(const std::string& chat,
                                                                         std::int64_t message);
    [[nodiscard]] engine::Result<std::vector<Vote>> votes(const std::string& chat);  // oldest first
    [[nodiscard]] engine::Result<std::vector<Vote>> allVotes();
    [[nodiscard]] engine::Result<std::vector<std::string>> search(
        const std::string& text);  // ids of chats that hold it

  private:
    void write(const std::string& chat, nlohmann::json line);
    std::shared_ptr<Project> m_project;
};

// One line of a chat file into the database; unknown lines are left out. On the writer thread.
void applyChatLine(Connection& db, const std::string& chat, const nlohmann::json& line);

}  // namespace caravan::projects
