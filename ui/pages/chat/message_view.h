// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "ui/pages/chat/chat_turn.h"

class QLabel;
class QPlainTextEdit;
class QPushButton;
class QToolButton;

namespace caravan::widgets {
class Chip;
class DeltaStrip;
class TokenStrip;
}  // namespace caravan::widgets

namespace caravan::ui {

class MarkdownView;
class ThemedLabel;

// What a changed router does to an answer, below it.
struct AnswerDeltas {
    QString title, note;
    std::vector<double> deltas;  // [tokens]
    int expert = -1;             // the one that was changed, if it is one
};

// One message: who, then the text; an answer as a token strip colored by the first expert of the shown layer,
// or as Markdown. A question can be edited; messages with branches beside them have a switch.
class MessageView : public QWidget {
    Q_OBJECT
  public:
    explicit MessageView(QWidget* parent = nullptr);
    void showTurn(const ChatTurn& turn, int layer, bool colored);
    void appendTokens(const ChatTurn& turn, int first, int layer);
    void setLayer(const ChatTurn& turn, int layer);
    void setColored(const ChatTurn& turn, bool colored);
    void setLast(bool last);
    void setBranches(const std::vector<std::int64_t>& siblings, std::int64_t own);
    void setDeltas(const AnswerDeltas& deltas);  // none: hidden
    void setDeltasStale();
    void hideHeader();                  // a column tells who answers itself
    void setAnonymous(bool anonymous);  // no speed, no reason of an end: nothing that tells who answered
    void edit();
    [[nodiscard]] widgets::TokenStrip* strip() const { return m_strip; }
    [[nodiscard]] widgets::DeltaStrip* deltas() const { return m_deltas; }
    [[nodiscard]] MarkdownView* markdown() const { return m_markdown; }
    [[nodiscard]] QPushButton* regenerateButton() const { return m_regenerate; }
    [[nodiscard]] QPushButton* editButton() const { return m_edit; }
    [[nodiscard]] QPushButton* branchButton() const { return m_branch; }
    [[nodiscard]] QPlainTextEdit* editor() const { return m_editor; }
    [[nodiscard]] QString branchText() const;  // "2 of 3", or "" without branches
    void stepBranch(int delta);

  Q_SIGNALS:
    void tokenSelected(int index);
    void regenerate();
    void copy();
    void branchOff();  // as a new conversation
    void edited(const QString& text);
    void branchChosen(qint64 message);

  private:
    QWidget* makeHead();
    QWidget* makeTools();
    QWidget* makeEditor();
    QWidget* makeDeltas();
    void applyTextSize();
    void showHead(const ChatTurn& turn);
    void showText(const ChatTurn& turn);
    void showEnd(const ChatTurn& turn);
    void showRegenerate();
    void endEdit(bool send);

    QWidget* m_head = nullptr;
    QLabel* m_who = nullptr;
    widgets::Chip* m_tag = nullptr;
    QWidget* m_branches = nullptr;
    QLabel* m_branchText = nullptr;
    std::vector<std::int64_t> m_siblings;
    std::int64_t m_own = 0;
    QLabel* m_text;
    widgets::TokenStrip* m_strip;
    MarkdownView* m_markdown = nullptr;
    QPlainTextEdit* m_editor = nullptr;
    QWidget* m_editBox = nullptr;
    ThemedLabel* m_end = nullptr;
    QWidget* m_tools = nullptr;
    QPushButton* m_regenerate = nullptr;
    QPushButton* m_edit = nullptr;
    QPushButton* m_branch = nullptr;
    QWidget* m_deltaBox = nullptr;
    ThemedLabel* m_deltaTitle = nullptr;
    ThemedLabel* m_deltaNote = nullptr;
    ThemedLabel* m_deltaMean = nullptr;
    widgets::DeltaStrip* m_deltas = nullptr;
    bool m_answer = false, m_last = false, m_colored = true, m_anonymous = false;
};

// First expert and its gate of an answer's tokens. layer counts the sparse layers.
[[nodiscard]] std::vector<std::pair<int, double>> expertsInLayer(const ChatTurn& turn, int layer);

}  // namespace caravan::ui
