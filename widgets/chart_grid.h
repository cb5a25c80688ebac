// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <QRect>
#include <QSize>
#include <QString>
#include <QVariant>

class QPainter;
class QWidget;

namespace caravan::widgets {

// What a chart shows, as a table: read by screen readers, by "View as table" and by the CSV export. Every
// chart of this library implements it. GUI thread.
class ChartGrid {
  public:
    virtual ~ChartGrid() = default;
    [[nodiscard]] virtual int gridRows() const = 0;
    [[nodiscard]] virtual int gridColumns() const = 0;
    [[nodiscard]] virtual QString gridRowName(int row) const = 0;
    [[nodiscard]] virtual QString gridColumnName(int column) const = 0;
    // The number (or text) behind a cell; invalid = there is none.
    [[nodiscard]] virtual QVariant gridValue(int row, int column) const = 0;
    // As shown in a table cell.
    [[nodiscard]] virtual QString gridText(int row, int column) const = 0;
    // As spoken: "layer 12, expert 3, 1.25 times its share".
    [[nodiscard]] virtual QString gridSentence(int row, int column) const = 0;
    // Place of the cell in the widget; empty = not visible.
    [[nodiscard]] virtual QRect gridRect(int row, int column) const = 0;
    [[nodiscard]] virtual QPoint gridCurrent() const { return {-1, -1}; }  // (column, row)
    virtual void setGridCurrent(int row, int column) {}
    // Draws the whole chart at any size, for export.
    virtual void paintChart(QPainter& painter, QSize size) {}
    [[nodiscard]] virtual QWidget* gridWidget() = 0;
    [[nodiscard]] virtual const QWidget* gridWidget() const = 0;
};

// Makes widgets that are ChartGrids known to accessibility as tables. Called by their constructors; cheap.
void installChartAccessibility();
// Tells screen readers that another cell is the current one.
void announceGridCell(ChartGrid& grid, int row, int column);

// The table of "View as table". Rows and columns follow the chart on refresh().
class ChartTableModel : public QAbstractTableModel {
    Q_OBJECT

  public:
    static constexpr int kSortRole = Qt::UserRole;
    explicit ChartTableModel(const ChartGrid* grid, QObject* parent = nullptr);
    void refresh();

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  private:
    const ChartGrid* m_grid;
    int m_rows = 0, m_columns = 0;
};

// Raw numbers, point as decimal mark, first column = row names.
[[nodiscard]] QString gridToCsv(const ChartGrid& grid);
// The same with tabs between the columns, as spreadsheets take it from the clipboard.
[[nodiscard]] QString gridToTabs(const ChartGrid& grid);

}  // namespace caravan::widgets
