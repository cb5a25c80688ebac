// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>

#include "projects/chat_archive.h"
#include "projects/chat_votes.h"

namespace caravan::projects {

// A message's place in its conversation.
struct MessageLink {
    std::int64_t id = 0, parent = 0;
};
// Ids from the first message to the end: through this one, and on along the newest ones behind it. Empty: it
// is not there.
[[nodiscard]] std::vector<std::int64_t> pathThrough(const std::vector<MessageLink>& all, std::int64_t id);

// Everything that is kept of a conversation. An answer whose end was lost has the text of its tokens.
struct KeptChat {
    Chat chat;
    std::vector<Message> messages;  // by id
    std::map<std::int64_t, std::vector<engine::TokenEvent>> tokens;
    std::vector<Vote> votes;
    [[nodiscard]] std::vector<Message> path() const;  // as it was shown last
};
[[nodiscard]] engine::Result<KeptChat> keptChat(ChatArchive& archive, const Chat& chat);
// The only one whose id begins so; NotFound if there is none, or more.
[[nodiscard]] engine::Result<Chat> findChat(ChatArchive& archive, const std::string& id);

enum class ChatFormat { Markdown, Json };
// The file that an export writes, from the window and from the command line.
[[nodiscard]] std::string exportedText(const KeptChat& kept, ChatFormat format);

// A conversation to read: title, system prompt, then the messages of one path with who answered.
[[nodiscard]] std::string chatMarkdown(const Chat& chat, const std::vector<Message>& path);

// All branches, the tokens of the answers with their routing, the votes.
[[nodiscard]] nlohmann::json chatJson(const Chat& chat, const std::vector<Message>& messages,
                                      const std::map<std::int64_t, std::vector<engine::TokenEvent>>& tokens,
                                      const std::vector<Vote>& votes = {});

}  // namespace caravan::projects
