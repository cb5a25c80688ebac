// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "engine/api/engine.h"

class QLabel;
class QVBoxLayout;

namespace caravan::widgets {
class ChartPane;
class HeatMap;
}  // namespace caravan::widgets

namespace caravan::ui {

// One row of the inspector: an expert with its router probability, or a token with its log-probability.
class BarRow;

// What one token was: router probability of layers x experts (frames mark the chosen ones), gates of the
// layer, alternatives with log-probabilities, probability, entropy, rank.
class TokenInspector : public QWidget {
    Q_OBJECT
  public:
    explicit TokenInspector(QWidget* parent = nullptr);
    void showToken(const engine::TokenEvent* token, int index, int count);  // nullptr: none
    void setLayer(int row);                                                 // index among the sparse layers
    [[nodiscard]] int layer() const { return m_layer; }
    [[nodiscard]] widgets::HeatMap* map() const { return m_map; }
    [[nodiscard]] QString gateText() const;          // of the shown layer, for tests and screen readers
    [[nodiscard]] QString alternativesText() const;  // one line each

  Q_SIGNALS:
    void layerChosen(int row);

  private:
    void writeTitle();
    void fillMap();
    void fillLayer();
    void fillAlternatives();

    bool m_has = false;
    engine::TokenEvent m_token;
    int m_layer = 0, m_index = 0, m_count = 0;  // of the answer's tokens
    QLabel* m_title;
    QLabel* m_note;
    widgets::HeatMap* m_map;
    widgets::ChartPane* m_pane;  // holds the map and its table
    QLabel* m_layerTitle;
    QVBoxLayout* m_gates;
    QVBoxLayout* m_alternatives;
    QLabel* m_figures;
    QWidget* m_right;
    std::vector<BarRow*> m_gateRows, m_alternativeRows;
};

}  // namespace caravan::ui
