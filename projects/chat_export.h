// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>

#include "projects/chat_archive.h"

namespace caravan::projects {

// A conversation to read: title, system prompt, then the messages of one path with who answered.
[[nodiscard]] std::string chatMarkdown(const Chat& chat, const std::vector<Message>& path);

// Everything that is kept of a conversation: all branches, and the tokens of its answers with their routing.
[[nodiscard]] nlohmann::json chatJson(const Chat& chat, const std::vector<Message>& messages,
                                      const std::map<std::int64_t, std::vector<engine::TokenEvent>>& tokens);

}  // namespace caravan::projects
