// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "engine/api/data_preview.h"

class QLabel;
class QSpinBox;
class QCPItemLine;
class QCPItemRect;

namespace caravan::widgets {
class ChartPane;
}

namespace caravan::ui {

class LengthChart;

// Row lengths in tokens, stacked by domain, with the cut line (drag it, or use the spin box).
class LengthPlot : public QWidget {
    Q_OBJECT
  public:
    explicit LengthPlot(QWidget* parent = nullptr);
    void setPreview(const engine::DataPreview& preview, engine::LongRows longRows = engine::LongRows::Cut);
    [[nodiscard]] QString cutText() const;
    // For the head of the pane: the domains' colors, and the cut line as a number.
    [[nodiscard]] QWidget* legend() const { return m_legend; }
    [[nodiscard]] QWidget* cutField() const { return m_cutField; }
    [[nodiscard]] widgets::ChartPane* pane() const { return m_pane; }  // table, copy and export
    [[nodiscard]] std::int64_t cut() const;

  Q_SIGNALS:
    void cutChanged(qint64 tokens);  // the user chose another sequence length
    void longRowsChosen(caravan::engine::LongRows what);

  protected:
    void changeEvent(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void rebuild();
    void placeCut(double tokens);
    void placeText();
    void showText();
    void applyColors();

    engine::DataPreview m_preview;
    LengthChart* m_plot;
    widgets::ChartPane* m_pane;
    QCPItemLine* m_line;
    QCPItemRect* m_lost;
    QSpinBox* m_cut;
    QWidget* m_cutField;
    QLabel* m_text;  // over the plot, beside the line
    QWidget* m_legend;
    QString m_lossWords;
    engine::LongRows m_longRows = engine::LongRows::Cut;
    bool m_dragging = false;
};

}  // namespace caravan::ui
