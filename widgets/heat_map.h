// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractScrollArea>
#include <QImage>
#include <QVector>
#include <functional>
#include <vector>

#include "widgets/chart_grid.h"
#include "widgets/heat_map_layout.h"

class QLineEdit;

namespace caravan::widgets {

struct HeatMapData {
    int rows = 0, columns = 0;
    std::vector<float> values;    // [rows][columns]; NaN = not known
    std::vector<int> rowLabels;   // e.g. layer indices; empty = 0, 1, ...
    std::vector<char> plainRows;  // [rows] 1: no cells, a hatched row with plainText ("dense"); may be empty
    std::vector<char> dead;       // [rows][columns] 1: hatched; may be empty
    std::vector<float> bars;      // [rows] e.g. MaxVio; may be empty
    std::vector<signed char> frames;  // [rows][columns] expert whose hue frames the cell (chosen), -1 = none; may be empty
};

// Rows x columns of colored cells. Load: value over its ideal, log2, 1 in the middle, corner triangle from
// 2x, hatch when dead. Share: 0 .. maximum, sequential (probabilities, similarities). Arrow keys move the
// current cell, Enter activates it, G goes to "12.3". The header and the row labels stay while the cells
// scroll.
class HeatMap : public QAbstractScrollArea, public ChartGrid {
    Q_OBJECT

  public:
    enum class Scale { Load, Share };
    explicit HeatMap(QWidget* parent = nullptr);

    void setData(HeatMapData data);  // keeps the current cell
    [[nodiscard]] const HeatMapData& mapData() const { return m_data; }
    void setScale(Scale scale, double range = 4.0);  // Load: 1/range .. range; Share: 0 .. range
    [[nodiscard]] Scale scale() const { return m_scale; }
    [[nodiscard]] double range() const { return m_range; }
    void setWords(const QString& rowWord, const QString& columnWord);  // "layer", "expert"
    void setColumnPrefix(const QString& prefix);                       // "E"
    void setHeaderColors(bool shown);                    // expert colors under the column labels
    void setBarTitle(const QString& title, double bad);  // bars above `bad` get the warning mark
    void setPlainText(const QString& text);
    void setEmptyText(const QString& text);
    void setMaximumCell(QSize size);
    // Hover text of a cell, first line after the sentence; rich text.
    void setTip(std::function<QString(int row, int column)> tip) { m_tip = std::move(tip); }

    [[nodiscard]] int currentRow() const { return m_row; }
    [[nodiscard]] int currentColumn() const { return m_column; }
    void setCurrentCell(int row, int column);  // -1 = none
    [[nodiscard]] float value(int row, int column) const;
    [[nodiscard]] int rowLabel(int row) const;
    [[nodiscard]] QColor cellColor(int row, int column) const;
    [[nodiscard]] const HeatMapLayout& mapLayout() const { return m_layout; }
    // Goes to "12.3": row label 12, column 3. False: not there.
    bool goTo(const QString& text);
    // The whole map without scroll bars, for export.
    void paintChart(QPainter& painter, QSize size) override;

    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return {160, 120}; }

    [[nodiscard]] int gridRows() const override { return m_data.rows; }
    [[nodiscard]] int gridColumns() const override { return m_data.columns + (m_data.bars.empty() ? 0 : 1); }
    [[nodiscard]] QString gridRowName(int row) const override;
    [[nodiscard]] QString gridColumnName(int column) const override;
    [[nodiscard]] QVariant gridValue(int row, int column) const override;
    [[nodiscard]] QString gridText(int row, int column) const override;
    [[nodiscard]] QString gridSentence(int row, int column) const override;
    [[nodiscard]] QRect gridRect(int row, int column) const override;
    [[nodiscard]] QPoint gridCurrent() const override { return {m_column, m_row}; }
    void setGridCurrent(int row, int column) override { setCurrentCell(row, column); }
    [[nodiscard]] QWidget* gridWidget() override { return this; }
    [[nodiscard]] const QWidget* gridWidget() const override { return this; }

  Q_SIGNALS:
    void currentCellChanged(int row, int column);
    void cellActivated(int row, int column);
    void cellHovered(int row, int column);  // -1: none

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void changeEvent(QEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    bool viewportEvent(QEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;

  private:
    [[nodiscard]] HeatMapLayout computeLayout(QSize size) const;
    void relayout();
    void buildColors();
    [[nodiscard]] QPoint scrollOffset() const;
    [[nodiscard]] QPoint cellAt(QPoint viewportPosition) const;  // (column, row)
    [[nodiscard]] bool isPlain(int row) const;
    [[nodiscard]] bool isDead(int row, int column) const;
    void paintAll(QPainter& painter, const HeatMapLayout& layout, QPoint offset, QSize size);
    void paintCells(QPainter& painter, const HeatMapLayout& layout, QPoint offset, QSize size);
    void paintMarks(QPainter& painter, const HeatMapLayout& layout, const QRect& visible);
    void paintHeader(QPainter& painter, const HeatMapLayout& layout, QPoint offset);
    void paintRowLabels(QPainter& painter, const HeatMapLayout& layout, QPoint offset, QSize size);
    void paintBars(QPainter& painter, const HeatMapLayout& layout, QPoint offset, QSize size);
    void moveTo(int row, int column);
    void ensureVisible();
    void openGoTo();

    HeatMapData m_data;
    Scale m_scale = Scale::Load;
    double m_range = 4.0;
    QString m_rowWord, m_columnWord, m_prefix, m_barTitle, m_plainText, m_emptyText;
    double m_barBad = 1.0;
    bool m_headerColors = true;
    QSize m_maximumCell{56, 34};
    std::function<QString(int, int)> m_tip;
    HeatMapLayout m_layout;
    std::vector<QRgb> m_colors;  // [rows][columns]
    QImage m_image;              // above kImageCells
    int m_row = -1, m_column = -1;
    QPoint m_hovered{-1, -1};
    QLineEdit* m_goTo = nullptr;
};

// The map from color to number beside a heat map: a strip with its labels.
class ColorScale : public QWidget {
    Q_OBJECT

  public:
    explicit ColorScale(HeatMap::Scale scale = HeatMap::Scale::Load, QWidget* parent = nullptr);
    void setRange(double range);
    [[nodiscard]] QSize sizeHint() const override { return {168, 30}; }
    [[nodiscard]] QSize minimumSizeHint() const override { return {120, 30}; }

  protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    HeatMap::Scale m_scale;
    double m_range = 4.0;
};

}  // namespace caravan::widgets
