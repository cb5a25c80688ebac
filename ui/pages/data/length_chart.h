// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "widgets/chart_grid.h"
#include "widgets/plot.h"

namespace caravan::ui {

// Rows by length, stacked by domain; its table has a row for each bin, which arrow keys walk.
class LengthChart : public QCustomPlot, public widgets::ChartGrid {
    Q_OBJECT
  public:
    struct Domain {
        std::string name;
        std::vector<double> rows;  // by bin
    };
    explicit LengthChart(QWidget* parent = nullptr);
    void setDomains(std::vector<Domain> domains,
                    std::int64_t binWidth);  // draws bars; ranges are the caller's
    [[nodiscard]] const std::vector<Domain>& domains() const { return m_domains; }
    [[nodiscard]] std::vector<double> sums() const;  // over the domains; one bin at least
    void paintChart(QPainter& painter, QSize size) override;

    [[nodiscard]] int gridRows() const override;
    [[nodiscard]] int gridColumns() const override { return static_cast<int>(m_domains.size()); }
    [[nodiscard]] QString gridRowName(int row) const override;  // "0 to 63"
    [[nodiscard]] QString gridColumnName(int column) const override;
    [[nodiscard]] QVariant gridValue(int row, int column) const override;
    [[nodiscard]] QString gridText(int row, int column) const override;
    [[nodiscard]] QString gridSentence(int row, int column) const override;
    [[nodiscard]] QRect gridRect(int row, int column) const override;
    [[nodiscard]] QPoint gridCurrent() const override { return {m_bin < 0 ? -1 : m_domain, m_bin}; }
    void setGridCurrent(int row, int column) override;
    [[nodiscard]] QWidget* gridWidget() override { return this; }
    [[nodiscard]] const QWidget* gridWidget() const override { return this; }

  protected:
    void keyPressEvent(QKeyEvent* event) override;  // Left and Right: bins; Up and Down: domains
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

  private:
    std::vector<Domain> m_domains;
    std::int64_t m_binWidth = 1;
    int m_bin = -1, m_domain = 0;  // where the keys are; -1: nowhere yet
};

}  // namespace caravan::ui
