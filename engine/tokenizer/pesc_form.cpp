// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/pesc_form.h"

namespace caravan::engine {

std::string pescSystem(std::string_view text) {
    return text.empty() ? std::string() : "### System:\n" + std::string(text) + "\n";
}

std::string pescHuman(std::string_view text) {
    return "### Human:\n" + std::string(text) + "\n";
}

std::string pescPrompt(std::string_view system, std::string_view prompt, bool first) {
    return (first ? pescSystem(system) : "\n") + pescHuman(prompt) + std::string(kPescAssistant);
}

}  // namespace caravan::engine
