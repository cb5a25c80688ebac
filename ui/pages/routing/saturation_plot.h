// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/api/saturation_curve.h"
#include "widgets/curve_plot.h"

namespace caravan::ui {

// Saturation over the checkpoints: the mean over layers, the chosen layer, the layers that settle first and
// last. The table behind it has every layer.
class SaturationPlot : public widgets::CurvePlot {
    Q_OBJECT
  public:
    explicit SaturationPlot(QWidget* parent = nullptr);
    void setCurve(const engine::SaturationCurve& curve);
    void setLayer(std::int64_t layer);  // the chosen one, by index; -1 = none
    [[nodiscard]] const engine::SaturationCurve& curve() const { return m_curve; }

    [[nodiscard]] int gridRows() const override { return static_cast<int>(m_curve.points.size()); }
    [[nodiscard]] int gridColumns() const override { return static_cast<int>(m_curve.layers.size()) + 1; }
    [[nodiscard]] QString gridRowName(int row) const override;
    [[nodiscard]] QString gridColumnName(int column) const override;
    [[nodiscard]] QVariant gridValue(int row, int column) const override;
    [[nodiscard]] QString gridText(int row, int column) const override;
    [[nodiscard]] QString gridSentence(int row, int column) const override;

  private:
    void draw();
    [[nodiscard]] double value(int row, int column) const;  // column 0 = mean

    engine::SaturationCurve m_curve;
    std::int64_t m_layer = -1;
};

}  // namespace caravan::ui
