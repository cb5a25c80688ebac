// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/api/approximation.h"
#include "widgets/curve_plot.h"

namespace caravan::ui {

// xi on held-out rows against the adapter's width, a curve per layer, widths by powers of two. The table
// behind it also has xi on the rows of the fit, the best linear map and whether the fit stood still.
class ApproximationPlot : public widgets::CurvePlot {
    Q_OBJECT
  public:
    explicit ApproximationPlot(QWidget* parent = nullptr);
    void setApproximation(const engine::Approximation& approximation);
    [[nodiscard]] const engine::Approximation& approximation() const { return m_shown; }

    // A row per width, four columns per layer.
    [[nodiscard]] int gridRows() const override { return static_cast<int>(m_widths.size()); }
    [[nodiscard]] int gridColumns() const override { return static_cast<int>(m_layers.size()) * kColumns; }
    [[nodiscard]] QString gridRowName(int row) const override;
    [[nodiscard]] QString gridColumnName(int column) const override;
    [[nodiscard]] QVariant gridValue(int row, int column) const override;
    [[nodiscard]] QString gridText(int row, int column) const override;
    [[nodiscard]] QString gridSentence(int row, int column) const override;

  private:
    enum Column { HeldOut, Fitted, Linear, Steps, kColumns };
    [[nodiscard]] const engine::AdapterFit* fitAt(int row, int column) const;
    [[nodiscard]] double placeOf(std::int64_t width) const;
    [[nodiscard]] QString widthAt(double place) const;

    engine::Approximation m_shown;
    int m_origin = 0;  // the power of two at the left edge; with a width of 0, which stands there, one less
    std::vector<std::int64_t> m_widths;                       // ascending
    std::vector<const engine::LayerApproximation*> m_layers;  // of m_shown, those with fits
};

}  // namespace caravan::ui
