// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

#include "engine/api/saturation_curve.h"

class QMainWindow;
class QStackedWidget;
class QStandardItemModel;
class QTableView;

namespace caravan::widgets {
class ChartPane;
class HeatMap;
class Segmented;
}  // namespace caravan::widgets

namespace caravan::ui {

class Pane;
class SaturationPlot;

// The docks of a routing analysis: which experts of a layer are chosen together, how alike they are, the
// figures of all layers side by side, and how routing settled over the checkpoints.
class AnalysisPanes : public QObject {
    Q_OBJECT
  public:
    explicit AnalysisPanes(QMainWindow* page);
    [[nodiscard]] Pane* together() const { return m_togetherPane; }
    [[nodiscard]] Pane* similarity() const { return m_similarityPane; }

    // layer: position in the analysis, -1 = none; expert: the row that is marked. when: "step 60, held-out
    // rows"
    void show(const engine::RoutingAnalysis& analysis, int layer, int expert, const QString& when);
    void clear(const QString& why);
    // Over all checkpoints; layer: the chosen one's index, -1 = none.
    void showSaturation(const engine::SaturationCurve& curve, std::int64_t layer);
    enum Measure { Cosine, Cka, Layers, Saturation };  // what the second dock shows

    // For tests.
    [[nodiscard]] widgets::HeatMap* togetherMap() const { return m_together; }
    [[nodiscard]] widgets::HeatMap* similarityMap() const { return m_similarity; }
    [[nodiscard]] widgets::Segmented* measure() const { return m_measure; }
    [[nodiscard]] QTableView* layers() const { return m_layers; }
    [[nodiscard]] SaturationPlot* saturation() const { return m_saturation; }
    [[nodiscard]] widgets::ChartPane* saturationChart() const { return m_saturationChart; }

  Q_SIGNALS:
    void expertChosen(int expert);
    void layerChosen(std::int64_t layer);

  private:
    void showSimilarity();
    void fillLayers(const engine::RoutingAnalysis& analysis);

    Pane* m_togetherPane = nullptr;
    Pane* m_similarityPane = nullptr;
    widgets::HeatMap* m_together;
    widgets::HeatMap* m_similarity;
    widgets::ChartPane* m_togetherChart;
    widgets::ChartPane* m_similarityChart;
    widgets::Segmented* m_measure;
    QStackedWidget* m_stack;
    SaturationPlot* m_saturation;
    widgets::ChartPane* m_saturationChart;
    QStandardItemModel* m_layerModel;
    QTableView* m_layers;
    engine::LayerAnalysis m_layer;  // what is shown
    std::size_t m_experts = 0;
    int m_expert = -1;
    QString m_when;  // of what is shown
};

}  // namespace caravan::ui
