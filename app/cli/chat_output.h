// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/command.h"

namespace caravan::cli {

// How chat says an answer.
[[nodiscard]] nlohmann::json tokenObject(const engine::TokenEvent& token, bool routing);
[[nodiscard]] nlohmann::json summaryObject(const engine::GenerateSummary& summary);
[[nodiscard]] std::string quotedPiece(const std::string& text);
// One line per token: its text, log-probability, and per layer the experts by falling weight.
[[nodiscard]] std::string routingLines(const std::vector<engine::TokenEvent>& tokens);

}  // namespace caravan::cli
