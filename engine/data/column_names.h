// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace caravan::engine::columns {

using namespace std::string_view_literals;

// Names that data sets give their columns, the usual one first; compared without case.
inline constexpr std::array kSystem{"system"sv, "system_prompt"sv, "system_message"sv};
inline constexpr std::array kPescSystem{"instruction"sv, "system"sv};
inline constexpr std::array kPrompt{"instruction"sv, "prompt"sv, "question"sv, "query"sv,
                                    "problem"sv,     "user"sv,   "human"sv,    "input"sv};
inline constexpr std::array kInput{"input"sv, "context"sv};
inline constexpr std::array kAnswer{"output"sv,   "response"sv,  "answer"sv, "completion"sv,
                                    "solution"sv, "assistant"sv, "target"sv, "chosen"sv};
inline constexpr std::array kText{"text"sv, "content"sv};
inline constexpr std::array kTurns{"conversation"sv};
inline constexpr std::array kMessages{"conversations"sv, "messages"sv, "dialog"sv, "dialogue"sv, "chat"sv};

// The first of the usual names that is among those there, as it is spelled there; "" if none is.
[[nodiscard]] std::string firstOf(std::span<const std::string_view> usual,
                                  const std::vector<std::string>& there);

}  // namespace caravan::engine::columns
