// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <vector>

#include "engine/api/answer_score.h"
#include "projects/chat_archive.h"

namespace caravan::ui {

// Who answers, as the user chose it.
struct ChatSource {
    engine::ModelSource source;
    QString words;       // "base-16m", "run 0001, step 60", "run 0001, live weights, step 41"
    bool dense = false;  // it has no experts: a changed router does not concern it
    friend bool operator==(const ChatSource& a, const ChatSource& b) {
        return a.source.path == b.source.path && a.source.live == b.source.live;
    }
};

// One message of a conversation.
struct ChatTurn {
    projects::Message message;
    std::vector<engine::TokenEvent> tokens;  // of an answer
    bool streaming = false;
    QString error;  // why it ended early; the text stays

    [[nodiscard]] bool isAnswer() const { return message.role == "assistant"; }
    // How the answer was made; what an old conversation does not say has its default.
    [[nodiscard]] engine::GenerateOptions options() const;
    [[nodiscard]] ChatSource source() const;
};

// "expert 3 muted in layer 12, 1 active", or "" where nothing is changed.
[[nodiscard]] QString changeWords(const engine::RouterChange& change);

}  // namespace caravan::ui
