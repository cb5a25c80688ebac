// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/last_places.h"

#include <QCryptographicHash>
#include <QSettings>
#include <algorithm>

#include "ui/pages/chat/chat_session.h"
#include "ui/project_context.h"

namespace caravan::ui {
namespace {
constexpr int kKeepAfter = 4000;  // ms
}

QString LastPlaces::groupOf(const QString& projectFolder) {
    const QByteArray hash = QCryptographicHash::hash(projectFolder.toUtf8(), QCryptographicHash::Sha1);
    return QStringLiteral("places/") + QString::fromLatin1(hash.toHex().left(16));
}

LastPlaces::LastPlaces(ProjectContext* project, ChatSession* chats)
    : QObject(project), m_group(groupOf(project->folder())) {
    QSettings settings;
    settings.beginGroup(m_group);
    m_run = settings.value(QStringLiteral("run")).toString();
    m_chat = m_wantedChat = settings.value(QStringLiteral("chat")).toString();
    if (!m_run.isEmpty()) project->selectRun(m_run);
    m_soon.setSingleShot(true);
    m_soon.setInterval(kKeepAfter);
    connect(&m_soon, &QTimer::timeout, this, &LastPlaces::keep);
    connect(project, &ProjectContext::selectedRunChanged, this, [this](const QString& run) {
        if (run == m_run) return;
        m_run = run;
        m_soon.start();
    });
    if (chats == nullptr) return;
    connect(chats, &ChatSession::chatsChanged, this, [this, chats] { renewChat(chats); });
    connect(chats, &ChatSession::pathChanged, this, [this, chats] { renewChat(chats); });
}

LastPlaces::~LastPlaces() {
    if (m_soon.isActive()) keep();
}

// The wanted one is opened as soon as it is listed, unless another one was before.
void LastPlaces::renewChat(ChatSession* chats) {
    const QString now = chats->currentChat();
    if (now.isEmpty() && !m_wantedChat.isEmpty()) {
        const auto& list = chats->chats();
        const bool listed = std::any_of(list.begin(), list.end(), [this](const projects::Chat& chat) {
            return QString::fromStdString(chat.id) == m_wantedChat;
        });
        if (listed) chats->openChat(std::exchange(m_wantedChat, QString()));
        return;
    }
    if (now.isEmpty() || now == m_chat) return;
    m_wantedChat.clear();
    m_chat = now;
    m_soon.start();
}

void LastPlaces::keep() {
    m_soon.stop();
    QSettings settings;
    settings.beginGroup(m_group);
    settings.setValue(QStringLiteral("run"), m_run);
    settings.setValue(QStringLiteral("chat"), m_chat);
}

}  // namespace caravan::ui
