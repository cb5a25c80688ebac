// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The list of conversations.
#include <QDateTime>
#include <QListWidget>
#include <QLocale>

#include "ui/pages/chat/chat_page.h"
#include "ui/pages/chat/compare_view.h"
#include "ui/pages/chat/conversation_delegate.h"

namespace caravan::ui {
namespace {

QString dayOf(std::int64_t milliseconds) {
    const QDate day = QDateTime::fromMSecsSinceEpoch(milliseconds).date(), today = QDate::currentDate();
    if (day == today) return QObject::tr("Today");
    if (day == today.addDays(-1)) return QObject::tr("Yesterday");
    if (day > today.addDays(-7)) return QObject::tr("Last week");
    return QObject::tr("Earlier");
}

// "14:05 · base-16m, dense"
QString noteOf(const projects::Chat& chat, bool anonymous) {
    const QDateTime at = QDateTime::fromMSecsSinceEpoch(chat.changedAt);
    const bool recent = at.date() > QDate::currentDate().addDays(-2);
    QString note = recent ? at.time().toString(QStringLiteral("HH:mm"))
                          : QLocale().toString(at.date(), QLocale::ShortFormat);
    if (chat.origin.is_object()) note += QStringLiteral(" · ") + QObject::tr("branch");
    if (chat.source.is_object() && !anonymous)
        if (const std::string words = chat.source.value("words", std::string()); !words.empty())
            note += QStringLiteral(" · ") + QString::fromStdString(words);
    return note;
}

}  // namespace

void ChatPage::refreshChats() {
    const QSignalBlocker quiet(m_list);
    m_list->clear();
    QString day;
    for (const projects::Chat& chat : m_session->chats()) {
        const QString id = QString::fromStdString(chat.id);
        if (m_filtering && !m_matching.contains(id)) continue;
        const QString group = chat.pinned ? tr("Pinned") : dayOf(chat.changedAt);
        if (group != day) {
            day = group;
            auto* head = new QListWidgetItem(group, m_list);
            head->setFlags(Qt::NoItemFlags);
            head->setData(ConversationDelegate::DayRole, true);
        }
        auto* item = new QListWidgetItem(QString::fromStdString(chat.title), m_list);
        item->setData(ConversationDelegate::IdRole, id);
        item->setData(ConversationDelegate::NoteRole,
                      noteOf(chat, m_compare->hidesNames() && id == m_session->currentChat()));
        item->setToolTip(item->text());
    }
    if (m_list->count() == 0) {
        auto* none = new QListWidgetItem(
            m_filtering ? tr("No chat holds this text") : tr("No conversation yet"), m_list);
        none->setFlags(Qt::NoItemFlags);
    }
    markCurrentChat();
    showState();
}

// The open conversation is the chosen one in the list, however it was opened.
void ChatPage::markCurrentChat() {
    const QSignalBlocker quiet(m_list);
    QListWidgetItem* current = nullptr;
    for (int row = 0; row < m_list->count(); ++row)
        if (m_list->item(row)->data(ConversationDelegate::IdRole).toString() == m_session->currentChat())
            current = m_list->item(row);
    if (m_session->currentChat().isEmpty()) current = nullptr;
    if (m_list->currentItem() != current) m_list->setCurrentItem(current);
}

}  // namespace caravan::ui
