// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QScrollArea>
#include <memory>

#include "engine/api/routing_analysis.h"
#include "widgets/expert_bars.h"

namespace caravan::ui {

class ThemedLabel;
class TokenList;

// Everything that is told of one cell, as a value: it stays as it is when the page goes on to another step,
// layer or run.
struct CellFacts {
    int expert = -1;  // -1: no cell
    QString title;    // "Layer 12, expert 3"
    QString when;     // "step 40, base-pesc-8x2"
    QVector<widgets::LoadBars::Row> loads;
    QString note;
    std::shared_ptr<const engine::RoutingAnalysis> analysis;  // nullptr: why there is none
    std::size_t layer = 0;                                    // position in the analysis
    QString why;
};

// The inspector of a cell: load by domain, tokens that go there, tokens in context.
class CellInspector : public QScrollArea {
    Q_OBJECT
  public:
    explicit CellInspector(QWidget* parent = nullptr);
    void show(const CellFacts& facts);
    [[nodiscard]] const CellFacts& facts() const { return m_facts; }
    [[nodiscard]] widgets::LoadBars* loads() const { return m_loads; }
    [[nodiscard]] TokenList* tokens() const { return m_tokens; }

  private:
    CellFacts m_facts;
    widgets::LoadBars* m_loads;
    ThemedLabel* m_note;
    TokenList* m_tokens;
};

}  // namespace caravan::ui
