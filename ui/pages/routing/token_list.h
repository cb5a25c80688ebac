// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "engine/api/routing_analysis.h"

class QStandardItemModel;
class QTableView;

namespace caravan::ui {

class ThemedLabel;

// What goes to one expert of a layer: the tokens that go there most, its tokens in context, what muting it
// does.
class TokenList : public QWidget {
    Q_OBJECT
  public:
    explicit TokenList(QWidget* parent = nullptr);
    // layer: position in the analysis; expert in range. total: choices of the cell in the probe set.
    void show(const engine::RoutingAnalysis& analysis, std::size_t layer, std::size_t expert);
    void clear(const QString& why);

    [[nodiscard]] QTableView* contexts() const { return m_table; }
    [[nodiscard]] QString words() const;  // "goes here most often", as shown
    [[nodiscard]] QString muted() const;

  protected:
    void changeEvent(QEvent* event) override;

  private:
    void tint();  // the tokens, by gate weight
    int m_expert = 0;
    ThemedLabel* m_wordsTitle;
    ThemedLabel* m_words;
    ThemedLabel* m_muted;
    ThemedLabel* m_contextTitle;
    QStandardItemModel* m_model = nullptr;
    QTableView* m_table;
};

// Line feeds, tabs and a space at an end made visible.
[[nodiscard]] QString visibleToken(const std::string& text);

}  // namespace caravan::ui
