// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QKeySequence>
#include <vector>

#include "ui/shell/surface.h"

class QHBoxLayout;

namespace caravan::ui {

// "A", "B", ...: how a column is called before its model's name is.
[[nodiscard]] QString columnLetter(int column);

// Asks which of the answers without names is best; after the vote it tells what was said.
class VoteBar : public Surface {
    Q_OBJECT
  public:
    static constexpr int kTie = -1, kAllBad = -2;
    explicit VoteBar(QWidget* parent = nullptr);
    // gone: models of the round that are not in the project any more; their answers are voted on all the
    // same.
    void ask(int answers, const QStringList& gone = {});
    void tell(const QString& words);
    // Of a column, kTie or kAllBad; nullptr where nothing is asked.
    [[nodiscard]] QPushButton* button(int choice) const;
    [[nodiscard]] QPushButton* endButton() const { return m_end; }  // nullptr where nothing is asked
    [[nodiscard]] QString text() const;

  Q_SIGNALS:
    void voted(int choice);  // a column, kTie or kAllBad
    void ended();            // without a vote

  private:
    void addButton(int choice, const QString& text);
    void clear();

    ThemedLabel* m_words;
    QHBoxLayout* m_row;
    std::vector<std::pair<int, QPushButton*>> m_buttons;
    QPushButton* m_end = nullptr;
};

// Ctrl+1 to Ctrl+4 for columns, then Ctrl+5 for a tie and Ctrl+6 for all bad.
[[nodiscard]] QKeySequence voteKey(int choice);

}  // namespace caravan::ui
