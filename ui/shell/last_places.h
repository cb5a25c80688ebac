// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QTimer>

namespace caravan::ui {

class ChatSession;
class ProjectContext;

// The run and the conversation that a project showed last come back with it, also in the next window. Made
// before the pages get the project, whose child it is.
class LastPlaces : public QObject {
    Q_OBJECT
  public:
    LastPlaces(ProjectContext* project, ChatSession* chats);
    ~LastPlaces() override;
    // Where the settings hold what belongs to the project in that folder.
    [[nodiscard]] static QString groupOf(const QString& projectFolder);

  private:
    void renewChat(ChatSession* chats);
    void keep();

    QString m_group;  // in the settings
    QString m_run, m_chat, m_wantedChat;
    QTimer m_soon;  // settings are written through to the disk: not at every click
};

}  // namespace caravan::ui
