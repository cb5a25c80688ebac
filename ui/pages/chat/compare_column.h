// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "ui/pages/chat/chat_turn.h"

class QComboBox;
class QScrollArea;
class QToolButton;

namespace caravan::ui {

class MessageView;
class ThemedLabel;

// One answer beside others: who gives it, its speed, its text.
class CompareColumn : public QWidget {
    Q_OBJECT
  public:
    explicit CompareColumn(int number, QWidget* parent = nullptr);
    void setSources(const std::vector<ChatSource>& all);  // keeps the choice
    // One that is not among the sources is named, but cannot be asked until it is.
    void choose(const ChatSource& source);
    [[nodiscard]] ChatSource source() const;                       // empty path: none that can be asked
    [[nodiscard]] QString goneWords() const;                       // of a choice that cannot be asked, or ""
    void showTurn(const ChatTurn* turn, int layer, bool colored);  // nullptr: no answer of this source yet
    void append(const ChatTurn& turn, int first, int layer);
    void setLayer(const ChatTurn& turn, int layer);
    void setMark(int token);  // before the first token that differs; -1: none
    void setClosable(bool closable);
    // Called by this letter ("": none); hidden: nothing is shown that tells whose answer it is.
    void setLetter(const QString& letter, bool hidden);
    [[nodiscard]] bool namesItself() const;
    [[nodiscard]] std::int64_t message() const { return m_message; }
    [[nodiscard]] MessageView* view() const { return m_view; }
    [[nodiscard]] QComboBox* box() const { return m_box; }

  Q_SIGNALS:
    void changed();
    void closed();
    void goOn(qint64 message);
    void copied(const QString& text);
    void tokenSelected(qint64 message, int token);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    std::vector<ChatSource> m_all;
    ChatSource m_wanted;
    std::int64_t m_message = 0;
    QString m_content;
    bool m_hidden = false;
    bool m_follow = false;  // the end of an answer that streams, until somebody scrolls up
    QComboBox* m_box;
    ThemedLabel* m_letter;
    ThemedLabel* m_rate;
    QToolButton* m_goOn;
    QToolButton* m_close;
    ThemedLabel* m_note;
    QScrollArea* m_scroll;
    MessageView* m_view;
};

}  // namespace caravan::ui
