// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/chat/chat_view.h"

#include <QScrollBar>
#include <QTimer>
#include <QVBoxLayout>

#include "ui/pages/chat/chat_origin.h"
#include "ui/pages/chat/message_view.h"
#include "widgets/accessible_roles.h"
#include "widgets/token_strip.h"

namespace caravan::ui {

ChatView::ChatView(ChatSession* session, QWidget* parent)
    : QScrollArea(parent),
      m_session(session),
      m_canvas(new QWidget),
      m_layout(new QVBoxLayout(m_canvas)),
      m_origin(new ChatOrigin(session)) {
    setWidget(m_canvas);
    setWidgetResizable(true);
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    widgets::setAccessibleRole(this, QAccessible::Pane);
    setAccessibleName(tr("Conversation"));
    m_canvas->setBackgroundRole(QPalette::Base);
    m_canvas->setAutoFillBackground(true);
    m_layout->setContentsMargins(0, 8, 0, 16);
    m_layout->setSpacing(0);
    m_layout->addWidget(m_origin);
    m_layout->addStretch(1);
    connect(session, &ChatSession::pathChanged, this, [this] { rebuild(); });
    connect(session, &ChatSession::chatsChanged, m_origin, &ChatOrigin::refresh);
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
        view->setBranches(m_session->tree().siblings(path[i].message.id), path[i].message.id);
        connect(view, &MessageView::branchChosen, m_session, &ChatSession::choose);
        connect(view, &MessageView::edited, m_session,
                [this, turn](const QString& text) { m_session->edit(turn, text); });
        connect(view, &MessageView::branchOff, m_session, [this, i] { m_session->branchOff(i); });
        connect(view, &MessageView::copy, this, [this, turn] {
            Q_EMIT copied(
                QString::fromStdString(m_session->path()[static_cast<std::size_t>(turn)].message.content));
        });
        m_layout->insertWidget(m_layout->count() - 1, view);
        m_views.push_back(view);
    }
    if (m_empty != nullptr) m_empty->setVisible(path.empty());
    m_origin->refresh();
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
