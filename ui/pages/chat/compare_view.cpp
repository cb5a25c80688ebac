// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/compare_view.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/format/format.h"
#include "ui/pages/chat/compare_column.h"
#include "ui/pages/chat/message_view.h"
#include "ui/pages/chat/vote_bar.h"
#include "ui/shell/surface.h"
#include "widgets/token_strip.h"

namespace caravan::ui {
namespace {
constexpr std::size_t kMostColumns = 4;

double meanLogprob(const ChatTurn& turn) {
    double sum = 0;
    for (const engine::TokenEvent& token : turn.tokens)
        sum += token.logprob;
    return turn.tokens.empty() ? 0 : sum / static_cast<double>(turn.tokens.size());
}

// The first token at which not all answers go on alike; -1: they are equal.
int firstDifference(const std::vector<const ChatTurn*>& turns) {
    for (std::size_t i = 0;; ++i) {
        const auto ended = [&](const ChatTurn* turn) { return i >= turn->tokens.size(); };
        const bool all = std::all_of(turns.begin(), turns.end(), ended);
        if (all) return -1;
        for (const ChatTurn* turn : turns)
            if (ended(turn) || ended(turns[0]) || turn->tokens[i].bytes != turns[0]->tokens[i].bytes)
                return static_cast<int>(i);
    }
}
}  // namespace

CompareView::CompareView(ChatSession* session, QWidget* parent)
    : QWidget(parent),
      m_session(session),
      m_bar(new VoteBar),
      m_blind(textButton(tr("Blind vote"), QStringLiteral("eye"))),
      m_votes(textButton(tr("Votes"), QStringLiteral("table"))),
      m_question(new QLabel),
      m_row(new QHBoxLayout),
      m_first(new ThemedLabel(QString(), widgets::TextRole::Secondary)),
      m_means(new ThemedLabel(QString(), widgets::TextRole::Secondary)),
      m_more(textButton(tr("Add column"), QStringLiteral("plus"))),
      m_again(textButton(tr("Answer again"), QStringLiteral("redo"))) {
    setAccessibleName(tr("Answers side by side"));
    m_question->setTextFormat(Qt::PlainText);
    m_question->setWordWrap(true);
    m_question->setFont(widgets::textFont(widgets::TextRole::Chat));
    m_question->setMaximumHeight(72);
    auto* top = new Surface(Token::Base, Surface::Bottom);
    auto* asked = new QVBoxLayout(top);
    asked->setContentsMargins(24, 8, 24, 8);
    asked->addWidget(m_question);
    m_row->setContentsMargins(0, 0, 0, 0);
    m_row->setSpacing(1);
    auto* bottom = new Surface(Token::Base, Surface::Top);
    bottom->setFixedHeight(40);
    auto* facts = new QHBoxLayout(bottom);
    facts->setContentsMargins(24, 1, 16, 0);
    facts->setSpacing(12);
    m_means->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);  // elides before the window grows
    m_means->setToolTip(tr("Of each column's own answer, over its tokens"));
    facts->addWidget(m_first);
    facts->addWidget(m_means, 1);
    facts->addWidget(m_votes);
    facts->addWidget(m_blind);
    facts->addWidget(m_again);
    facts->addWidget(m_more);
    m_again->setToolTip(tr("Every column answers the last question once more with the same seed"));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(top);
    // Four columns are wider than a small window: they scroll, and the window stays as it is.
    auto* columns = new Surface(Token::Line);  // seen between them
    columns->setLayout(m_row);
    auto* scroll = new QScrollArea;
    scroll->setWidget(columns);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setFocusPolicy(Qt::NoFocus);
    layout->addWidget(scroll, 1);
    layout->addWidget(m_bar);
    layout->addWidget(bottom);
    makeVoting();
    addColumn();
    addColumn();
    connect(m_more, &QPushButton::clicked, this, [this] {
        m_touched = true;
        addColumn();
    });
    connect(m_again, &QPushButton::clicked, this, &CompareView::answerAgain);
    connect(session, &ChatSession::pathChanged, this, [this] {
        refresh();
        restoreRound();
    });
    connect(session, &ChatSession::turnChanged, this, [this] { refresh(); });
    connect(session, &ChatSession::tokensAppended, this, &CompareView::append);
    connect(session, &ChatSession::streamingChanged, this, [this] { refresh(); });
    refresh();
}

void CompareView::addColumn() {
    if (m_columns.size() >= kMostColumns) return;
    auto* column = new CompareColumn(static_cast<int>(m_columns.size()) + 1);
    m_columns.push_back(column);
    m_row->addWidget(column, 1);
    column->setSources(m_all);
    // A new column shows what no other one does.
    for (const ChatSource& each : m_all)
        if (column->source().source.path.empty() &&
            std::none_of(m_columns.begin(), m_columns.end(),
                         [&](const CompareColumn* other) { return other->source() == each; }))
            column->choose(each);
    connect(column, &CompareColumn::changed, this, [this] {
        m_touched = true;
        reveal();
        setRound(Round::None);
        refresh();
        Q_EMIT changed();
    });
    connect(column, &CompareColumn::closed, this, [this, column] { removeColumn(column); });
    connect(column, &CompareColumn::goOn, m_session, &ChatSession::choose);
    connect(column, &CompareColumn::copied, this, &CompareView::copied);
    refresh();
    Q_EMIT changed();
}

void CompareView::removeColumn(CompareColumn* column) {
    if (m_columns.size() <= 2) return;
    m_columns.erase(std::find(m_columns.begin(), m_columns.end(), column));
    column->deleteLater();
    refresh();
    Q_EMIT changed();
}

void CompareView::setSources(const std::vector<ChatSource>& all, const ChatSource& current) {
    m_all = all;
    for (CompareColumn* column : m_columns)
        column->setSources(all);
    if (!m_touched) propose(current);
    if (m_round == Round::Open) askVote();  // one of its models may be gone, or is back
    refresh();
    restoreRound();
}

// The current source in the last column, its dense base or else another model in the first.
void CompareView::propose(const ChatSource& current) {
    if (m_all.empty()) return;
    const auto run = [](const ChatSource& s) { return s.words.section(QLatin1Char(','), 0, 0); };
    const ChatSource* other = nullptr;
    for (const ChatSource& each : m_all)
        if (!(each == current) && (other == nullptr || (each.dense && run(each) == run(current))))
            other = &each;
    for (std::size_t i = 0; i + 1 < m_columns.size(); ++i)
        if (i == 0 || m_columns[i]->source().source.path.empty())
            m_columns[i]->choose(other == nullptr ? current : *other);
    m_columns.back()->choose(current);
}

std::vector<ChatSource> CompareView::chosen() const {
    std::vector<ChatSource> list;
    for (const CompareColumn* column : m_columns)
        if (!column->source().source.path.empty()) list.push_back(column->source());
    return list;
}

// The column's own answer of the last comparison, else the newest one that its source gave to the question.
const ChatTurn* CompareView::answerOf(const CompareColumn& column, std::size_t index) const {
    const auto& path = m_session->path();
    const auto& compared = m_session->compared();
    if (path.empty()) return nullptr;
    if (m_round != Round::None)
        return index < compared.size() ? m_session->tree().find(compared[index]) : nullptr;
    if (index < compared.size()) {
        const ChatTurn* turn = m_session->tree().find(compared[index]);
        if (turn != nullptr && turn->source() == column.source()) return turn;
    }
    const ChatTurn* newest = nullptr;
    if (!path.back().isAnswer()) return nullptr;
    for (const std::int64_t id : m_session->tree().siblings(path.back().message.id)) {
        const ChatTurn* turn = m_session->tree().find(id);
        if (turn->isAnswer() && turn->source() == column.source()) newest = turn;
    }
    return newest;
}

void CompareView::refresh() {
    if ((m_round == Round::Open || m_round == Round::Told) && m_session->compared() != m_asked)
        return setRound(Round::None);
    m_stale = !isVisible();
    if (m_stale) return;  // long answers are not laid out for nobody
    QString question;
    for (const ChatTurn& turn : m_session->path())
        if (!turn.isAnswer()) question = QString::fromStdString(turn.message.content);
    m_question->setText(question.isEmpty() ? tr("Ask a question below: every column answers it.") : question);
    for (std::size_t i = 0; i < m_columns.size(); ++i) {
        const QString letter = m_round == Round::None ? QString() : columnLetter(static_cast<int>(i));
        m_columns[i]->setLetter(letter, hidesNames());
        m_columns[i]->setClosable(m_columns.size() > 2 && !hidesNames());
        // Colors would tell a mixture from a dense model.
        m_columns[i]->showTurn(answerOf(*m_columns[i], i), hidesNames() ? -1 : m_layer,
                               m_colored && !hidesNames());
    }
    m_votes->setVisible(!m_pairs.empty() && !hidesNames());
    m_more->setEnabled(!hidesNames() && m_columns.size() < kMostColumns && m_columns.size() < m_all.size());
    m_again->setEnabled(!question.isEmpty() && !m_session->isStreaming());
    showSummary();
}

void CompareView::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    if (m_stale) refresh();
}

void CompareView::append(int turn, int first) {
    if (m_stale) return;
    const ChatTurn& grown = m_session->path()[static_cast<std::size_t>(turn)];
    for (CompareColumn* column : m_columns)
        if (column->message() == grown.message.id) column->append(grown, first, hidesNames() ? -1 : m_layer);
}

void CompareView::showSummary() {
    std::vector<const ChatTurn*> turns;
    QStringList means;
    bool finished = true;
    for (const CompareColumn* column : m_columns) {
        const ChatTurn* turn = m_session->tree().find(column->message());
        // Where a model failed before its first word there is nothing to compare.
        const bool answered = turn != nullptr && !(turn->tokens.empty() && turn->message.content.empty());
        finished = finished && answered && !turn->streaming;
        if (turn == nullptr || turn->streaming) continue;
        turns.push_back(turn);
        if (!turn->tokens.empty()) means.push_back(QString::number(meanLogprob(*turn), 'f', 2));
    }
    if (hidesNames()) means.clear();
    const int different =
        !hidesNames() && finished && turns.size() == m_columns.size() ? firstDifference(turns) : -2;
    m_different = std::max(-1, different);
    m_first->setText(different == -2   ? QString()
                     : different == -1 ? tr("All answers are equal")
                                       : tr("First different token: %1").arg(withThousands(different + 1)));
    m_means->setText(means.isEmpty() ? QString()
                                     : tr("Mean log-probability: %1").arg(means.join(QStringLiteral(" | "))));
    for (CompareColumn* column : m_columns)
        column->setMark(m_different);
}

QString CompareView::summaryText() const {
    return m_first->text() + QLatin1Char('\n') + m_means->text();
}

void CompareView::setLayer(int row) {
    m_layer = row;
    if (hidesNames()) return;
    for (CompareColumn* column : m_columns)
        if (const ChatTurn* turn = m_session->tree().find(column->message())) column->setLayer(*turn, row);
}

void CompareView::setColored(bool colored) {
    m_colored = colored;
    refresh();
}

void CompareView::setHighlightedExpert(int expert) {
    for (CompareColumn* column : m_columns)
        column->view()->strip()->setHighlightedExpert(expert);
}

}  // namespace caravan::ui
