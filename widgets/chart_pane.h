// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStackedWidget>

class QAction;
class QTableView;

namespace caravan::widgets {

class ChartGrid;
class ChartTableModel;

// A chart with its table behind it (Ctrl+T or the action), and its export.
class ChartPane : public QStackedWidget {
    Q_OBJECT

  public:
    // Takes the chart: a widget that is a ChartGrid.
    explicit ChartPane(QWidget* chart, QWidget* parent = nullptr);
    [[nodiscard]] QAction* tableAction() const {
        return m_action;
    }  // checkable, "View as table", Ctrl+T inside the pane
    [[nodiscard]] QAction* exportAction() const { return m_export; }  // "Export…"
    [[nodiscard]] bool isTableShown() const;
    void setTableShown(bool shown);
    [[nodiscard]] QTableView* tableView();
    // The chart has new data: the table follows if it is shown.
    void refresh();
    void setExportName(const QString& name) { m_exportName = name; }
    [[nodiscard]] ChartGrid* grid() const { return m_grid; }

  Q_SIGNALS:
    void exportFailed(const QString& path, const QString& reason);

  private:
    void chooseFile();

    ChartGrid* m_grid;
    ChartTableModel* m_model = nullptr;
    QTableView* m_table = nullptr;
    QAction* m_action;
    QAction* m_export;
    QString m_exportName;
};

// Writes a chart by the ending of the name: png (2x), svg, pdf, csv. "" or why not.
[[nodiscard]] QString saveChart(ChartGrid& grid, QSize size, const QString& path);

}  // namespace caravan::widgets
