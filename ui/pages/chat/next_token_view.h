// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <QWidget>

#include "ui/pages/chat/chat_turn.h"

class QPlainTextEdit;
class QTableWidget;

namespace caravan::ui {

class EngineLink;
class ThemedLabel;

// What a model would write next: any text as it stands, without a template, and the most probable tokens
// behind it. A chosen one is appended, and the next are shown.
class NextTokenView : public QWidget {
    Q_OBJECT
  public:
    explicit NextTokenView(EngineLink* engine, QWidget* parent = nullptr);
    void setSource(const ChatSource& source);
    void setChange(const engine::RouterChange& change);
    void setActive(bool active);  // hidden: nothing is asked
    [[nodiscard]] QPlainTextEdit* input() const { return m_input; }
    [[nodiscard]] QTableWidget* table() const { return m_table; }
    void take(int row);  // appends the token of that row

  private:
    void ask();
    void fill(const engine::TokenEvent& token);
    void askSoon();

    EngineLink* m_engine;
    ChatSource m_source;
    engine::RouterChange m_change;
    bool m_active = false;
    quint64 m_request = 0;
    QTimer m_soon;
    QPlainTextEdit* m_input;
    QTableWidget* m_table;
    ThemedLabel* m_state;
    std::vector<engine::TokenEvent::Alternative> m_tokens;
};

}  // namespace caravan::ui
