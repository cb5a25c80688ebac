// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "ui/routing_view.h"

class QStackedWidget;

namespace caravan::widgets {
class ChartPane;
class HeatMap;
}  // namespace caravan::widgets

namespace caravan::ui {

class ThemedLabel;

// Map of load by layer and expert with three statistics; newest wins, no blending.
class LiveRouting : public QWidget {
    Q_OBJECT
  public:
    explicit LiveRouting(QWidget* parent = nullptr);
    void clear(const QString& text);
    // allLayers: of the model, 0 = not known (then only sparse layers are rows)
    void show(const RoutingView& view, std::int64_t allLayers);
    void select(std::int64_t layer, int expert);
    [[nodiscard]] const RoutingView& view() const { return m_view; }
    [[nodiscard]] widgets::HeatMap* map() const { return m_map; }
    [[nodiscard]] widgets::ChartPane* pane() const { return m_pane; }
    [[nodiscard]] QString statistic(int index) const;  // 0 MaxVio, 1 effective experts, 2 entropy

  Q_SIGNALS:
    void cellActivated(qint64 layer, int expert);

  private:
    RoutingView m_view;
    std::int64_t m_allLayers = 0;
    widgets::HeatMap* m_map;
    widgets::ChartPane* m_pane;
    QWidget* m_legend;
    QWidget* m_statistics;
    ThemedLabel* m_note;
    ThemedLabel* m_values[3];
    ThemedLabel* m_words[3];
};

}  // namespace caravan::ui
