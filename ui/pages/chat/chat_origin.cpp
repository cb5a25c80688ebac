// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/chat_origin.h"

#include <QHBoxLayout>

#include "ui/pages/chat/chat_session.h"
#include "ui/shell/surface.h"

namespace caravan::ui {

ChatOrigin::ChatOrigin(ChatSession* session, QWidget* parent)
    : QWidget(parent),
      m_session(session),
      m_words(new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2)),
      m_link(new LinkButton(QString())) {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(24, 8, 24, 8);
    row->setSpacing(4);
    row->addWidget(m_words);
    row->addWidget(m_link);
    row->addStretch(1);
    m_link->setToolTip(tr("Open the conversation that this one branched off from"));
    connect(m_link, &QAbstractButton::clicked, this,
            [this] { m_session->openChat(m_session->originChat()); });
    refresh();
}

void ChatOrigin::refresh() {
    const nlohmann::json& origin = m_session->chat().origin;
    setVisible(origin.is_object());
    if (!origin.is_object()) return;
    const QString title = QString::fromStdString(origin.value("title", std::string()));
    const bool there = !m_session->originChat().isEmpty();
    m_words->setText(there ? tr("Branched from") : tr("Branched from “%1”, which was deleted").arg(title));
    m_link->setVisible(there);
    m_link->setText(title);
    m_link->setAccessibleName(tr("Branched from %1").arg(title));
}

QString ChatOrigin::text() const {
    return m_link->isHidden() ? m_words->text() : m_words->text() + QLatin1Char(' ') + m_link->text();
}

}  // namespace caravan::ui
