// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace caravan::engine {

// The prompt form of PESC (methods.md section 1). Behind a prompt come the answer and eos; a line feed
// follows eos only where another turn does.
[[nodiscard]] std::string pescSystem(std::string_view text);  // "### System:\n...\n"; empty for an empty text
[[nodiscard]] std::string pescHuman(std::string_view text);   // "### Human:\n...\n"
inline constexpr std::string_view kPescAssistant = "### Assistant:\n";

// The prompt of one turn. first: the system text goes before it; else a line feed does.
[[nodiscard]] std::string pescPrompt(std::string_view system, std::string_view prompt, bool first);

}  // namespace caravan::engine
