// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// One answer, several beside each other, or the next token; and what leaves the page as a file.
#include <QAction>
#include <QApplication>
#include <QComboBox>
#include <QFileDialog>
#include <QStackedWidget>

#include "projects/chat_export.h"
#include "projects/files.h"
#include "ui/actions/action_registry.h"
#include "ui/format/format.h"
#include "ui/pages/chat/chat_page.h"
#include "ui/pages/chat/chat_side.h"
#include "ui/pages/chat/chat_text_size.h"
#include "ui/pages/chat/chat_view.h"
#include "ui/pages/chat/compare_view.h"
#include "ui/pages/chat/message_view.h"
#include "ui/pages/chat/next_token_view.h"
#include "ui/pages/chat/token_inspector.h"
#include "ui/pages/chat/vote_bar.h"
#include "ui/project_context.h"
#include "widgets/segmented.h"
#include "widgets/token_strip.h"

namespace caravan::ui {

void ChatPage::makeModes() {
    m_mode->setAccessibleName(tr("View"));
    m_mode->setSegmentToolTip(1, tr("Two to four models answer the same question with the same seed"));
    m_mode->setSegmentToolTip(2, tr("The most probable tokens behind any text"));
    m_stack->addWidget(m_view);
    m_stack->addWidget(m_compare);
    m_stack->addWidget(m_next);
    connect(m_mode, &widgets::Segmented::currentChanged, this, [this] { showMode(); });
    connect(m_compare, &CompareView::changed, this, [this] { showState(); });
    connect(m_compare, &CompareView::copied, m_view, &ChatView::copied);
    connect(m_compare, &CompareView::answerAgain, this,
            [this] { m_session->compare({}, m_compare->begin()); });
    connect(m_compare, &CompareView::roundChanged, this, [this] {
        showLayers();
        refreshChats();
        Q_EMIT statusChanged();
    });
    connect(m_compare, &CompareView::roundRestored, this, [this] {
        m_told = tr("The blind vote of before goes on: nothing was counted yet.");
        m_mode->setCurrent(1);
        showState();
    });
    ActionRegistry* actions = services().actions;
    const QString page = QStringLiteral("chat");
    const auto add = [&](const char* id, const QString& text, const QKeySequence& key, const char* icon,
                         int section, std::function<void()> work) {
        actions->add({.id = QLatin1String(id),
                      .text = text,
                      .menu = page,
                      .shortcut = key,
                      .icon = QLatin1String(icon),
                      .page = page,
                      .section = section},
                     this, std::move(work));
    };
    add("chat.side_by_side", tr("Side &by side"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_D), "split", 3,
        [this] { m_mode->setCurrent(mode() == Mode::Compare ? 0 : 1); });
    add("chat.next_token", tr("Ne&xt token"), {}, "skip", 3,
        [this] { m_mode->setCurrent(mode() == Mode::NextToken ? 0 : 2); });
    makeTextSizeActions();
    makeVoteActions();
    add("chat.export_markdown", tr("&Export as Markdown…"), {}, "export", 4, [this] { exportChat(false); });
    add("chat.export_json", tr("Export as &JSON…"), {}, "export", 4, [this] { exportChat(true); });
}

void ChatPage::makeTextSizeActions() {
    ChatTextSize& size = ChatTextSize::instance();
    const auto add = [&](const char* id, const QString& text, Qt::Key key, std::function<void()> work) {
        return services().actions->add({.id = QLatin1String(id),
                                        .text = text,
                                        .menu = QStringLiteral("chat"),
                                        .shortcut = QKeySequence(Qt::CTRL | key),
                                        .page = QStringLiteral("chat"),
                                        .section = 4},
                                       this, std::move(work));
    };
    QAction* larger = add("chat.text_larger", tr("&Larger text"), Qt::Key_Plus, [&size] { size.step(1); });
    QAction* smaller =
        add("chat.text_smaller", tr("S&maller text"), Qt::Key_Minus, [&size] { size.step(-1); });
    add("chat.text_usual", tr("&Usual text size"), Qt::Key_0, [&size] { size.reset(); });
    // Where the plus is on another key's upper half.
    if (larger->shortcut() == QKeySequence(Qt::CTRL | Qt::Key_Plus))
        larger->setShortcuts({larger->shortcut(), QKeySequence(Qt::CTRL | Qt::Key_Equal)});
    const auto follow = [this, larger, smaller, &size] {
        larger->setEnabled(size.canStep(1));
        smaller->setEnabled(size.canStep(-1));
        m_input->setFont(size.font(widgets::TextRole::Chat));
    };
    connect(&size, &ChatTextSize::changed, this, [this, follow, &size] {
        follow();
        m_told = tr("Text of the conversation: %1 %").arg(size.percent());
        showState();
    });
    follow();
}

// A vote by keyboard and menu.
void ChatPage::makeVoteActions() {
    const auto add = [this](int choice, const QString& id, const QString& text) {
        QAction* action = services().actions->add({.id = QStringLiteral("chat.vote_") + id,
                                                   .text = text,
                                                   .menu = QStringLiteral("chat"),
                                                   .shortcut = voteKey(choice),
                                                   .page = QStringLiteral("chat"),
                                                   .section = 5},
                                                  this, [this, choice] { m_compare->vote(choice); });
        m_voteActions.emplace_back(choice, action);
    };
    for (int column = 0; column < 4; ++column)
        add(column, columnLetter(column).toLower(), tr("%1 is better").arg(columnLetter(column)));
    add(VoteBar::kTie, QStringLiteral("tie"), tr("The answers are a tie"));
    add(VoteBar::kAllBad, QStringLiteral("bad"), tr("All answers are bad"));
    services().actions->add({.id = QStringLiteral("chat.vote_end"),
                             .text = tr("End the blind vote without a vote"),
                             .menu = QStringLiteral("chat"),
                             .page = QStringLiteral("chat"),
                             .section = 5},
                            this, [this] { m_compare->reveal(); });
}

void ChatPage::showVoteActions() {
    for (const auto& [choice, action] : m_voteActions)
        action->setEnabled(m_compare->canVote() && choice < m_compare->columns());
    services().actions->find(QStringLiteral("chat.vote_end"))->setEnabled(m_compare->canVote());
}

QStringList ChatPage::keyHints() const {
    if (mode() == Mode::NextToken) return {tr("Enter appends the token")};
    if (!m_compare->canVote()) return {tr("Enter sends"), tr("Esc stops the answer")};
    const auto keys = [](int choice) { return voteKey(choice).toString(QKeySequence::NativeText); };
    return {tr("%1 to %2 say which answer is better").arg(keys(0), keys(m_compare->columns() - 1)),
            tr("%1 a tie, %2 all bad").arg(keys(VoteBar::kTie), keys(VoteBar::kAllBad))};
}

ChatPage::Mode ChatPage::mode() const {
    return static_cast<Mode>(m_mode->current());
}

void ChatPage::showMode() {
    const Mode now = mode();
    if (now != Mode::Compare) m_compare->reveal();  // every other view names who answers
    if (now == Mode::Compare) m_session->readVotes();
    const bool wasNext = m_next->isAncestorOf(QApplication::focusWidget());
    m_stack->setCurrentIndex(m_mode->current());
    m_side->setVisible(now != Mode::Compare);
    m_next->setActive(now == Mode::NextToken &&
                      isActive());  // takes the focus before the composer goes with it
    m_composer->setVisible(now != Mode::NextToken);
    if (wasNext && now != Mode::NextToken) m_input->setFocus(Qt::OtherFocusReason);
    // Columns say themselves who answers.
    m_modelBox->setVisible(now != Mode::Compare);
    m_weightsBox->setVisible(now != Mode::Compare);
    // The inspector tells of what is seen: here of the chosen token of an answer.
    if (now == Mode::NextToken) m_inspector->showToken(nullptr, 0, 0);
    if (const MessageView* last = lastAnswerView(); now == Mode::Single && last != nullptr)
        showToken(lastAnswerIndex(), last->strip()->selected());
    showLayers();
    showState();
    Q_EMIT statusChanged();
}

std::vector<ChatSource> ChatPage::allSources() const {
    std::vector<ChatSource> list;
    for (const Model& model : m_models)
        for (const Weights& weights : model.weights)
            list.push_back(sourceOf(model, weights));
    return list;
}

void ChatPage::exportChat(bool json) {
    if (project() == nullptr || m_session->path().empty()) return;
    QString name = QString::fromStdString(m_session->chat().title).left(40);
    name.replace(QLatin1Char('/'), QLatin1Char('-'));
    const QString file = QFileDialog::getSaveFileName(
        this, json ? tr("Export the conversation as JSON") : tr("Export the conversation as Markdown"),
        name + (json ? QStringLiteral(".json") : QStringLiteral(".md")),
        json ? tr("JSON (*.json)") : tr("Markdown (*.md)"));
    if (!file.isEmpty()) writeExport(file, json);
}

// On the project's thread: a disk may be slow.
void ChatPage::writeExport(const QString& file, bool json) {
    m_session->saveTokens();
    using Written = engine::Result<void>;
    project()->inProject<Written>(
        this,
        [file, json, chat = m_session->chat()](ProjectStore& store) -> Written {
            projects::ChatArchive archive(store.project);
            const auto kept = projects::keptChat(archive, chat);
            if (!kept) return tl::unexpected(kept.error());
            const auto format = json ? projects::ChatFormat::Json : projects::ChatFormat::Markdown;
            return projects::attempt([&] {
                projects::writeAtomically(file.toStdString(), projects::exportedText(*kept, format));
            });
        },
        [this, file](const Written& written) {
            m_told = written ? tr("Written: %1").arg(homePath(file)) : words(written.error()).oneLine();
            showState();
        });
}

}  // namespace caravan::ui
