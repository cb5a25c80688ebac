// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

namespace caravan::ui {

class ChatSession;
class LinkButton;
class ThemedLabel;

// Above the messages of a conversation that branched off: from which one, with a way there while it exists.
class ChatOrigin : public QWidget {
    Q_OBJECT
  public:
    explicit ChatOrigin(ChatSession* session, QWidget* parent = nullptr);
    void refresh();
    [[nodiscard]] QString text() const;
    [[nodiscard]] LinkButton* link() const { return m_link; }

  private:
    ChatSession* m_session;
    ThemedLabel* m_words;
    LinkButton* m_link;
};

}  // namespace caravan::ui
