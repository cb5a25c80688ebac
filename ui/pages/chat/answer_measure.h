// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <vector>

#include "ui/pages/chat/chat_turn.h"

namespace caravan::ui {

class EngineLink;

// The same answer read again: with the router as it is set now, and with each expert muted in turn. All
// changes are against the reading with the router that the answer was written with.
struct AnswerChange {
    std::int64_t message = 0;  // whose answer
    engine::RouterChange now;
    std::int64_t layer = -1;                 // where experts were muted in turn; -1 = in all layers
    std::vector<double> deltas;              // [tokens], of `now`; nats
    std::vector<std::int64_t> experts;       // those muted in turn
    std::vector<std::vector<double>> muted;  // [experts][tokens]
};

class AnswerMeasure : public QObject {
    Q_OBJECT
  public:
    explicit AnswerMeasure(EngineLink* engine, QObject* parent = nullptr);
    struct Question {
        ChatTurn answer;
        std::vector<engine::ChatMessage> messages;
        engine::RouterChange now;
        std::int64_t layer = -1;
        std::vector<std::int64_t> experts;
    };
    void ask(const Question& question);  // an earlier one that still runs is given up
    void cancel();
    [[nodiscard]] bool isRunning() const { return m_request != 0; }

  Q_SIGNALS:
    void progress(qint64 done, qint64 total);
    void measured(const caravan::ui::AnswerChange& change);
    void failed(const QString& words);
    void ended();

  private:
    void take(const Question& question, const engine::Result<engine::AnswerScore>& score);
    EngineLink* m_engine;
    quint64 m_request = 0;
};

// What a fresh answer is beside an old one, token by token up to the first different one.
struct AnswerDifference {
    int same = 0;                // tokens before the first different one
    bool equal = false;          // the whole answers
    std::vector<double> deltas;  // of those tokens: new log-probability less the old one
};
[[nodiscard]] AnswerDifference differenceOf(const ChatTurn& before, const ChatTurn& after);

// Muting one more expert, as the steer panel's rows do.
[[nodiscard]] engine::RouterChange withMuted(engine::RouterChange change, std::int64_t layer,
                                             std::int64_t expert);

}  // namespace caravan::ui
