// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/command.h"
#include "engine/api/answer_score.h"

namespace caravan::cli {

// --mute, --force, --bias and --k of chat.
struct SteerOptions {
    engine::RouterChange change;
    void define(CLI::App& app);
    [[nodiscard]] std::string words() const;  // "expert 3 muted in layer 12, 4 active"
};

// "3" = expert 3 in all layers, "3@12" = in layer 12. Throws CLI::ValidationError with what is expected.
[[nodiscard]] engine::SteerExpert parseExpert(const std::string& word);
// "3@12=0.5": the expert, then what its router logit is raised by.
[[nodiscard]] engine::SteerExpert parseBias(const std::string& word);

}  // namespace caravan::cli
