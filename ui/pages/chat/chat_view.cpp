// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/chat/chat_view.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollBar>
#include <QTimer>
#include <QVBoxLayout>
#include <cmath>

#include "engine/api/event_json.h"
#include "ui/format/format.h"
#include "widgets/theme_colors.h"
#include "widgets/token_strip.h"

namespace caravan::ui {
namespace {
constexpr int kTextWidth = 760;  // px; longer lines are hard to read

std::pair<int, double> expertOf(const engine::TokenEvent& token, int layer) {
    const auto l = static_cast<std::size_t>(layer);
    if (l >= token.experts.size() || token.experts[l].empty()) return {-1, 0};
    return {token.experts[l][0], token.weights[l].empty() ? 1.0 : static_cast<double>(token.weights[l][0])};
}

std::vector<widgets::StripToken> stripTokens(const ChatTurn& turn, std::size_t first, int layer) {
    std::vector<widgets::StripToken> out;
    for (std::size_t i = first; i < turn.tokens.size(); ++i) {
        const engine::TokenEvent& t = turn.tokens[i];
        const auto [expert, weight] = expertOf(t, layer);
        widgets::StripToken token{QString::fromStdString(t.text), expert, weight};
        token.accessibleText =
            QObject::tr("“%1”, probability %2").arg(token.text, QString::number(std::exp(t.logprob), 'f', 2));
        if (expert >= 0)
            token.accessibleText += QObject::tr(", expert %1, gate %2").arg(expert).arg(weight, 0, 'f', 2);
        out.push_back(std::move(token));
    }
    return out;
}

QString endText(const ChatTurn& turn) {
    if (turn.streaming) return {};
    if (!turn.error.isEmpty()) return turn.error;
    if (turn.message.summary.is_null()) return {};
    const engine::GenerateSummary s = turn.message.summary.get<engine::GenerateSummary>();
    if (s.finish == "cancelled")
        return QObject::tr("Stopped after %1 tokens")
            .arg(withThousands(static_cast<std::int64_t>(turn.tokens.size())));
    QString text = QObject::tr("%1 tokens · %2 tokens/s · first token %3 ms")
                       .arg(withThousands(s.tokens), realText(s.tokensPerSecond, 1))
                       .arg(s.secondsToFirstToken * 1000, 0, 'f', 0);
    if (s.finish == "length") text += QObject::tr(" · ended at the length limit");
    return text;
}
}  // namespace

std::vector<std::pair<int, double>> expertsInLayer(const ChatTurn& turn, int layer) {
    std::vector<std::pair<int, double>> out;
    out.reserve(turn.tokens.size());
    for (const engine::TokenEvent& token : turn.tokens)
        out.push_back(expertOf(token, layer));
    return out;
}

MessageView::MessageView(QWidget* parent)
    : QWidget(parent),
      m_who(new QLabel),
      m_text(new QLabel),
      m_strip(new widgets::TokenStrip),
      m_end(new QLabel),
      m_tools(new QWidget),
      m_regenerate(new QPushButton(widgets::themeIcon(QStringLiteral("redo")), tr("Regenerate"))) {
    setMaximumWidth(kTextWidth);
    m_who->setTextFormat(Qt::RichText);
    m_text->setTextFormat(Qt::PlainText);
    m_text->setWordWrap(true);
    m_text->setFont(widgets::textFont(widgets::TextRole::Chat));
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    m_strip->setAccessibleName(tr("Answer"));
    m_end->setTextFormat(Qt::PlainText);
    m_end->setWordWrap(true);
    m_end->setFont(widgets::textFont(widgets::TextRole::Caption));
    m_end->setForegroundRole(QPalette::PlaceholderText);
    m_regenerate->setFlat(true);
    m_regenerate->setToolTip(tr("Answer once more with the same seed (Ctrl+Enter)"));
    auto* copyButton = new QPushButton(widgets::themeIcon(QStringLiteral("copy")), tr("Copy"));
    copyButton->setFlat(true);
    auto* tools = new QHBoxLayout(m_tools);
    tools->setContentsMargins(0, 0, 0, 0);
    tools->addWidget(m_regenerate);
    tools->addWidget(copyButton);
    tools->addSpacing(8);
    tools->addWidget(m_end, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(24, 8, 24, 8);
    layout->setSpacing(4);
    layout->addWidget(m_who);
    layout->addWidget(m_text);
    layout->addWidget(m_strip);
    layout->addWidget(m_tools);
    connect(m_strip, &widgets::TokenStrip::selectedChanged, this, &MessageView::tokenSelected);
    connect(m_regenerate, &QPushButton::clicked, this, &MessageView::regenerate);
    connect(copyButton, &QPushButton::clicked, this, &MessageView::copy);
}

void MessageView::showTurn(const ChatTurn& turn, int layer, bool colored) {
    m_answer = turn.isAnswer();
    const QString text2 = widgets::themeColors().text2.name();
    if (m_answer) {
        const QString who = turn.message.source.is_object()
                                ? QString::fromStdString(turn.message.source.value("words", std::string()))
                                : QString();
        m_who->setText(tr("<b>%1</b>").arg(who.isEmpty() ? tr("Answer") : who.toHtmlEscaped()));
    } else {
        m_who->setText(tr("<b>You</b>"));
    }
    // An answer that lost its tokens still has its text.
    const bool strip = m_answer && (turn.streaming || !turn.tokens.empty());
    m_text->setVisible(!strip);
    m_strip->setVisible(strip);
    m_text->setText(QString::fromStdString(turn.message.content));
    m_strip->setColored(colored);
    m_strip->setTokens(stripTokens(turn, 0, layer));
    showEnd(turn);
}

void MessageView::appendTokens(const ChatTurn& turn, int first, int layer) {
    m_strip->appendTokens(stripTokens(turn, static_cast<std::size_t>(first), layer));
}

void MessageView::showEnd(const ChatTurn& turn) {
    m_strip->setStreaming(turn.streaming);
    m_tools->setVisible(m_answer && !turn.streaming);
    m_end->setText(endText(turn));
    QPalette palette = m_end->palette();
    palette.setColor(QPalette::PlaceholderText,
                     turn.error.isEmpty() ? widgets::themeColors().text2 : widgets::themeColors().err);
    m_end->setPalette(palette);
    m_end->setAccessibleName(m_end->text());
}

void MessageView::setLayer(const ChatTurn& turn, int layer) {
    m_strip->setExperts(expertsInLayer(turn, layer));
}
void MessageView::setColored(const ChatTurn&, bool colored) {
    m_strip->setColored(colored);
}
void MessageView::setLast(bool last) {
    m_regenerate->setVisible(last);
}

ChatView::ChatView(ChatSession* session, QWidget* parent)
    : QScrollArea(parent), m_session(session), m_canvas(new QWidget), m_layout(new QVBoxLayout(m_canvas)) {
    setWidget(m_canvas);
    setWidgetResizable(true);
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setAccessibleName(tr("Conversation"));
    m_canvas->setBackgroundRole(QPalette::Base);
    m_canvas->setAutoFillBackground(true);
    m_layout->setContentsMargins(0, 8, 0, 16);
    m_layout->setSpacing(0);
    m_layout->addStretch(1);
    connect(session, &ChatSession::pathChanged, this, [this] { rebuild(); });
    connect(session, &ChatSession::tokensAppended, this, &ChatView::append);
    connect(session, &ChatSession::turnChanged, this, [this](int turn) {
        if (MessageView* view = message(turn))
            view->showTurn(m_session->path()[static_cast<std::size_t>(turn)], m_layer, m_colored);
    });
    connect(verticalScrollBar(), &QScrollBar::valueChanged, this,
            [this](int value) { m_follow = value >= verticalScrollBar()->maximum() - 24; });
    connect(verticalScrollBar(), &QScrollBar::rangeChanged, this, [this] { keepAtEnd(); });
    rebuild();
}

MessageView* ChatView::message(int turn) const {
    return turn >= 0 && turn < static_cast<int>(m_views.size()) ? m_views[static_cast<std::size_t>(turn)]
                                                                : nullptr;
}

void ChatView::setEmptyContent(QWidget* content) {
    m_empty = content;
    m_layout->insertWidget(0, content);
    content->setVisible(m_session->path().empty());
}

void ChatView::rebuild() {
    for (MessageView* view : m_views)
        view->deleteLater();
    m_views.clear();
    m_selection = {-1, -1};
    const auto& path = m_session->path();
    for (std::size_t i = 0; i < path.size(); ++i) {
        auto* view = new MessageView;
        view->showTurn(path[i], m_layer, m_colored);
        view->setLast(i + 1 == path.size());
        const int turn = static_cast<int>(i);
        connect(view, &MessageView::tokenSelected, this, [this, turn](int token) { select(turn, token); });
        connect(view, &MessageView::regenerate, m_session, &ChatSession::regenerate);
        connect(view, &MessageView::copy, this, [this, turn] {
            Q_EMIT copied(
                QString::fromStdString(m_session->path()[static_cast<std::size_t>(turn)].message.content));
        });
        m_layout->insertWidget(m_layout->count() - 1, view);
        m_views.push_back(view);
    }
    if (m_empty != nullptr) m_empty->setVisible(path.empty());
    m_follow = true;
    QTimer::singleShot(0, this, [this] { keepAtEnd(); });
    Q_EMIT tokenSelected(-1, -1);
}

void ChatView::append(int turn, int first) {
    if (MessageView* view = message(turn))
        view->appendTokens(m_session->path()[static_cast<std::size_t>(turn)], first, m_layer);
}

void ChatView::keepAtEnd() {
    if (m_follow) verticalScrollBar()->setValue(verticalScrollBar()->maximum());
}

void ChatView::select(int turn, int token) {
    if (m_selection == std::pair{turn, token}) return;
    const int before = m_selection.first;
    m_selection = {turn, token};
    if (before != turn && before >= 0)
        if (MessageView* old = message(before)) old->strip()->select(-1);
    if (MessageView* view = message(turn)) {
        view->strip()->select(token);
        if (token >= 0) {
            const QPoint at = view->strip()->mapTo(m_canvas, view->strip()->tokenRect(token).center());
            ensureVisible(at.x(), at.y(), 40, 40);
        }
    }
    Q_EMIT tokenSelected(turn, token);
}

void ChatView::setLayer(int row) {
    m_layer = row;
    for (std::size_t i = 0; i < m_views.size(); ++i)
        m_views[i]->setLayer(m_session->path()[i], row);
}

void ChatView::setColored(bool colored) {
    m_colored = colored;
    for (std::size_t i = 0; i < m_views.size(); ++i)
        m_views[i]->setColored(m_session->path()[i], colored);
}

void ChatView::setHighlightedExpert(int expert) {
    for (MessageView* view : m_views)
        view->strip()->setHighlightedExpert(expert);
}

}  // namespace caravan::ui
