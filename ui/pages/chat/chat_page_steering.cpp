// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Experts muted, forced and biased, and what that changes in an answer.
#include <QAction>
#include <algorithm>
#include <map>

#include "engine/api/event_json.h"
#include "ui/actions/action_registry.h"
#include "ui/pages/chat/chat_page.h"
#include "ui/pages/chat/chat_side.h"
#include "ui/pages/chat/chat_view.h"
#include "ui/pages/chat/message_view.h"
#include "ui/pages/chat/steer_panel.h"

namespace caravan::ui {
namespace {

// Of an answer's own tokens: how many experts there are, how many work, in which layers.
SteerModel modelOf(const ChatTurn& turn) {
    SteerModel model;
    for (const engine::TokenEvent& token : turn.tokens) {
        for (const auto& layer : token.probabilities)
            model.experts = std::max(model.experts, static_cast<int>(layer.size()));
        if (token.probabilities.empty())
            for (const auto& layer : token.experts)
                for (const std::int32_t expert : layer)
                    model.experts = std::max(model.experts, expert + 1);
        if (token.experts.empty()) continue;
        model.active = static_cast<int>(token.experts.front().size());
        model.layers = token.layers;
        if (!token.probabilities.empty()) break;
    }
    return model;
}

// The experts of an answer by falling use in one layer.
std::vector<int> mostUsed(const ChatTurn& turn, int layer) {
    std::map<int, int> counts;
    for (const auto& [expert, weight] : expertsInLayer(turn, layer))
        if (expert >= 0) ++counts[expert];
    std::vector<int> list;
    for (const auto& [expert, count] : counts)
        list.push_back(expert);
    std::stable_sort(list.begin(), list.end(), [&](int a, int b) { return counts[a] > counts[b]; });
    return list;
}

// The hue of a change that concerns one expert.
int expertOf(const engine::RouterChange& change) {
    if (change.steer.empty()) return -1;
    const auto first = change.steer.front().expert;
    const bool one = std::all_of(change.steer.begin(), change.steer.end(),
                                 [&](const engine::SteerExpert& s) { return s.expert == first; });
    return one ? static_cast<int>(first) : -1;
}

// Whether two answers were asked alike but for the router.
bool alike(const ChatTurn& a, const ChatTurn& b) {
    engine::GenerateOptions x = a.options(), y = b.options();
    x.steer = y.steer;
    x.activeExperts = y.activeExperts;
    return a.source() == b.source() && nlohmann::json(x) == nlohmann::json(y);
}

}  // namespace

void ChatPage::makeSteering() {
    connect(m_steer, &SteerPanel::changed, this, [this] {
        m_session->setChange(m_steer->change());
        if (MessageView* view = lastAnswerView()) view->setDeltasStale();
        showState();
    });
    connect(m_steer, &SteerPanel::regenerate, this, [this] { m_session->regenerate(); });
    connect(m_steer, &SteerPanel::measure, this, [this] { measure(); });
    connect(m_steer, &SteerPanel::cancelMeasure, this, [this] {
        m_measure->cancel();
        m_steer->setProgress(0, 0);
    });
    connect(m_measure, &AnswerMeasure::progress, m_steer, &SteerPanel::setProgress);
    connect(m_measure, &AnswerMeasure::ended, this, [this] { m_steer->setProgress(0, 0); });
    connect(m_measure, &AnswerMeasure::failed, m_steer, &SteerPanel::setFailure);
    connect(m_measure, &AnswerMeasure::measured, this, &ChatPage::takeMeasured);
    ActionRegistry* actions = services().actions;
    const QString page = QStringLiteral("chat");
    actions->add(
        {.id = QStringLiteral("chat.mute"),
         .text = tr("&Mute the token's expert"),
         .menu = page,
         .shortcut = QKeySequence(Qt::CTRL | Qt::Key_M),
         .icon = QStringLiteral("mute"),
         .page = page,
         .section = 2,
         .tip = tr("The expert whose row has the focus, else the first choice of the selected token")},
        this, [this] {
            m_side->showSteer();
            m_steer->toggleMute(expertOfToken());
        });
    actions->add({.id = QStringLiteral("chat.bias"),
                  .text = tr("&Bias the token's expert"),
                  .menu = page,
                  .shortcut = QKeySequence(Qt::CTRL | Qt::Key_B),
                  .icon = QStringLiteral("bias"),
                  .page = page,
                  .section = 2},
                 this, [this] {
                     m_side->showSteer();
                     m_steer->editBias(expertOfToken());
                 });
}

int ChatPage::lastAnswerIndex() const {
    for (int i = static_cast<int>(m_session->path().size()) - 1; i >= 0; --i)
        if (m_session->path()[static_cast<std::size_t>(i)].isAnswer()) return i;
    return -1;
}

// Side by side it is one of the newest answers: the first that has experts to show.
const ChatTurn* ChatPage::lastAnswer() const {
    if (mode() == Mode::Compare)
        for (const std::int64_t message : m_session->compared())
            if (const ChatTurn* turn = m_session->tree().find(message);
                turn != nullptr && !turn->tokens.empty() && !turn->tokens.front().experts.empty())
                return turn;
    const int index = lastAnswerIndex();
    return index < 0 ? nullptr : &m_session->path()[static_cast<std::size_t>(index)];
}

MessageView* ChatPage::lastAnswerView() const {
    return m_view->message(lastAnswerIndex());
}

int ChatPage::expertOfToken() const {
    const auto [turn, token] = m_view->selection();
    const auto& path = m_session->path();
    if (turn < 0 || token < 0 || static_cast<std::size_t>(turn) >= path.size()) return -1;
    const auto experts = expertsInLayer(path[static_cast<std::size_t>(turn)], m_layerRow);
    return static_cast<std::size_t>(token) < experts.size() ? experts[static_cast<std::size_t>(token)].first
                                                            : -1;
}

// The panel follows the last answer: its experts, its k, whether it can be regenerated.
void ChatPage::showSteering() {
    const ChatTurn* turn = lastAnswer();
    const bool told = turn != nullptr && !turn->tokens.empty();
    if (told) {
        SteerModel model = modelOf(*turn);
        // A changed k is not the model's own.
        if (turn->options().activeExperts && m_steer->model().experts == model.experts)
            model.active = m_steer->model().active;
        m_steer->setModel(model);
        m_steer->setMostUsed(mostUsed(*turn, m_layerRow));
    }
    m_side->setSteerable(m_steer->model().experts > 0);
    m_steer->setReady(told && !m_session->isStreaming() && hindrance().isEmpty(), m_session->options().seed);
}

void ChatPage::measure() {
    const int index = lastAnswerIndex();
    if (index < 0) return;
    AnswerMeasure::Question question;
    question.answer = m_session->path()[static_cast<std::size_t>(index)];
    question.messages = m_session->messagesBefore(static_cast<std::size_t>(index));
    question.now = m_steer->change();
    question.layer = m_steer->scope();
    // Muting one more is told only of experts that can be spared.
    const engine::RouterChange before = engine::routerChangeOf(question.answer.options());
    for (const std::int64_t expert : m_steer->shown())
        if (steerProblem(withMuted(before, question.layer, expert), m_steer->model()).isEmpty())
            question.experts.push_back(expert);
    m_steer->setProgress(0, static_cast<qint64>(question.experts.size()) + 2);
    m_measure->ask(question);
}

void ChatPage::takeMeasured(const AnswerChange& change) {
    const ChatTurn* turn = lastAnswer();
    MessageView* view = lastAnswerView();
    if (turn == nullptr || view == nullptr || turn->message.id != change.message) return;
    m_steer->setMeasured(change);
    if (change.now == engine::routerChangeOf(turn->options())) return showDifference();
    const QString words = changeWords(change.now);
    view->setDeltas({tr("Same answer, %1").arg(words.isEmpty() ? tr("experts normal") : words),
                     tr("log-probability of the same tokens, read again"), change.deltas,
                     expertOf(change.now)});
}

// A regenerated answer beside the one that it was made from.
void ChatPage::showDifference() {
    const ChatTurn* turn = lastAnswer();
    MessageView* view = lastAnswerView();
    if (turn == nullptr || view == nullptr || turn->streaming) return;
    const ChatTurn* before = nullptr;
    for (const std::int64_t id : m_session->tree().siblings(turn->message.id)) {
        const ChatTurn* other = m_session->tree().find(id);
        if (id != turn->message.id && alike(*other, *turn) &&
            !(engine::routerChangeOf(other->options()) == engine::routerChangeOf(turn->options())))
            if (before == nullptr || id < turn->message.id) before = other;
    }
    if (before == nullptr) return view->setDeltas({});
    const AnswerDifference difference = differenceOf(*before, *turn);
    const engine::RouterChange change = engine::routerChangeOf(turn->options());
    const QString words = changeWords(change), old = changeWords(engine::routerChangeOf(before->options()));
    QString note =
        difference.equal ? tr("the same tokens as the answer before")
        : difference.same == 0
            ? tr("the first token differs already")
            : tr("log-probability up to the first different token, number %1").arg(difference.same + 1);
    if (!old.isEmpty()) note += tr(" · before: %1").arg(old);
    AnswerDeltas deltas{tr("Same seed, %1").arg(words.isEmpty() ? tr("experts normal") : words), note,
                        difference.deltas, expertOf(change)};
    // Nothing in common: the strip has no bar, but the words must still be seen.
    if (deltas.deltas.empty()) deltas.deltas = {0.0};
    view->setDeltas(deltas);
}

}  // namespace caravan::ui
