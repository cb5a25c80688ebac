// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QScrollArea>
#include <vector>

#include "ui/pages/chat/chat_session.h"

class QVBoxLayout;

namespace caravan::ui {

class ChatOrigin;
class MessageView;

// The messages of the open conversation; follows the end while an answer streams, unless the user scrolled
// up.
class ChatView : public QScrollArea {
    Q_OBJECT
  public:
    explicit ChatView(ChatSession* session, QWidget* parent = nullptr);
    void setLayer(int row);
    void setColored(bool colored);
    void setHighlightedExpert(int expert);
    void setEmptyContent(QWidget* content);
    [[nodiscard]] MessageView* message(int turn) const;
    // The selected token, if any: turn and token index.
    [[nodiscard]] std::pair<int, int> selection() const { return m_selection; }
    void select(int turn, int token);

  Q_SIGNALS:
    void tokenSelected(int turn, int token);
    void copied(const QString& text);

  private:
    void rebuild();
    void append(int turn, int first);
    void keepAtEnd();

    ChatSession* m_session;
    QWidget* m_canvas;
    QVBoxLayout* m_layout;
    ChatOrigin* m_origin;
    QWidget* m_empty = nullptr;
    std::vector<MessageView*> m_views;
    int m_layer = 0;
    bool m_colored = true;
    bool m_follow = true;
    std::pair<int, int> m_selection{-1, -1};
};

}  // namespace caravan::ui
