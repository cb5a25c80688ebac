// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QScrollArea>
#include <vector>

#include "ui/pages/chat/chat_session.h"

class QLabel;
class QPushButton;
class QVBoxLayout;

namespace caravan::widgets {
class TokenStrip;
}

namespace caravan::ui {

// One message: who, then the text; an answer as a token strip colored by the first expert of the shown layer.
class MessageView : public QWidget {
    Q_OBJECT
  public:
    explicit MessageView(QWidget* parent = nullptr);
    void showTurn(const ChatTurn& turn, int layer, bool colored);
    void appendTokens(const ChatTurn& turn, int first, int layer);
    void showEnd(const ChatTurn& turn);
    void setLayer(const ChatTurn& turn, int layer);
    void setColored(const ChatTurn& turn, bool colored);
    void setLast(bool last);
    [[nodiscard]] widgets::TokenStrip* strip() const { return m_strip; }
    [[nodiscard]] QPushButton* regenerateButton() const { return m_regenerate; }

  Q_SIGNALS:
    void tokenSelected(int index);
    void regenerate();
    void copy();

  private:
    QLabel* m_who;
    QLabel* m_text;
    widgets::TokenStrip* m_strip;
    QLabel* m_end;
    QWidget* m_tools;
    QPushButton* m_regenerate;
    bool m_answer = false;
};

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
    QWidget* m_empty = nullptr;
    std::vector<MessageView*> m_views;
    int m_layer = 0;
    bool m_colored = true;
    bool m_follow = true;
    std::pair<int, int> m_selection{-1, -1};
};

// Text and experts of an answer's tokens for the strip. layer counts the sparse layers.
[[nodiscard]] std::vector<std::pair<int, double>> expertsInLayer(const ChatTurn& turn, int layer);

}  // namespace caravan::ui
