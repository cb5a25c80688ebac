// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/answer_measure.h"

#include <memory>

#include "ui/bridge/engine_link.h"
#include "ui/format/format.h"

namespace caravan::ui {
namespace {

// An end token only carries text that was held back: it is no part of what was written.
std::vector<std::int32_t> idsOf(const ChatTurn& turn) {
    std::vector<std::int32_t> ids;
    for (const engine::TokenEvent& token : turn.tokens)
        if (!token.bytes.empty()) ids.push_back(token.id);
    return ids;
}

std::vector<double> difference(const std::vector<double>& after, const std::vector<double>& before) {
    std::vector<double> out;
    for (std::size_t i = 0; i < std::min(after.size(), before.size()); ++i)
        out.push_back(after[i] - before[i]);
    return out;
}

}  // namespace

engine::RouterChange withMuted(engine::RouterChange change, std::int64_t layer, std::int64_t expert) {
    change.steer.push_back({.layer = layer, .expert = expert, .use = engine::SteerExpert::Use::Mute});
    return change;
}

AnswerMeasure::AnswerMeasure(EngineLink* engine, QObject* parent) : QObject(parent), m_engine(engine) {}

void AnswerMeasure::cancel() {
    if (m_request != 0) m_engine->cancel(m_request);
    m_request = 0;
}

void AnswerMeasure::ask(const Question& question) {
    cancel();
    engine::ScoreRequest request;
    request.source = question.answer.source().source;
    request.messages = question.messages;
    request.answer = idsOf(question.answer);
    if (request.answer.empty()) return;
    const engine::RouterChange before = engine::routerChangeOf(question.answer.options());
    request.changes = {before, question.now};
    for (const std::int64_t expert : question.experts)
        request.changes.push_back(withMuted(before, question.layer, expert));
    const auto id = std::make_shared<quint64>(0);
    *id = m_request = m_engine->requestAs<engine::AnswerScore>(
        "score", request, this,
        [this, id, question](const engine::Result<engine::AnswerScore>& score) {
            if (*id == 0 || *id != m_request) return;
            m_request = 0;
            take(question, score);
            Q_EMIT ended();
        },
        [this, id](const engine::Progress& p) {
            if (*id == m_request) Q_EMIT progress(p.done, p.total);
        });
}

void AnswerMeasure::take(const Question& question, const engine::Result<engine::AnswerScore>& score) {
    if (!score) return Q_EMIT failed(words(score.error()).oneLine());
    if (score->logprobs.size() != question.experts.size() + 2)
        return Q_EMIT failed(tr("The engine is of another version: start it again in Settings."));
    AnswerChange change{question.answer.message.id, question.now, question.layer, {}, question.experts, {}};
    change.deltas = difference(score->logprobs[1], score->logprobs[0]);
    for (std::size_t i = 2; i < score->logprobs.size(); ++i)
        change.muted.push_back(difference(score->logprobs[i], score->logprobs[0]));
    Q_EMIT measured(change);
}

AnswerDifference differenceOf(const ChatTurn& before, const ChatTurn& after) {
    AnswerDifference found;
    const std::size_t both = std::min(before.tokens.size(), after.tokens.size());
    std::size_t i = 0;
    for (; i < both && before.tokens[i].id == after.tokens[i].id; ++i)
        found.deltas.push_back(after.tokens[i].logprob - before.tokens[i].logprob);
    found.same = static_cast<int>(i);
    found.equal = i == both && before.tokens.size() == after.tokens.size();
    return found;
}

}  // namespace caravan::ui
