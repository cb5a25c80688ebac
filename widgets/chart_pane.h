// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStackedWidget>

class QAction;
class QMimeData;
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
    [[nodiscard]] QAction* copyAction() const { return m_copy; }      // "Copy", Ctrl+C inside the pane
    [[nodiscard]] QAction* exportAction() const { return m_export; }  // "Export…"
    [[nodiscard]] QList<QAction*> chartActions() const { return {m_action, m_copy, m_export}; }
    [[nodiscard]] bool isTableShown() const;
    void setTableShown(bool shown);
    [[nodiscard]] QTableView* tableView();
    // The chart has new data: the table follows if it is shown.
    void refresh();
    void setExportName(const QString& name) { m_exportName = name; }
    [[nodiscard]] ChartGrid* grid() const { return m_grid; }

    // To a file by the ending of its name; what went wrong is told in a message box.
    void exportTo(const QString& path);

  private:
    void chooseFile();
    void copy();
    [[nodiscard]] QSize exportSize() const;

    ChartGrid* m_grid;
    ChartTableModel* m_model = nullptr;
    QTableView* m_table = nullptr;
    QAction* m_action;
    QAction* m_copy;
    QAction* m_export;
    QString m_exportName;
};

// A chart for the clipboard: the picture (2x), and its numbers as text with tabs.
[[nodiscard]] QMimeData* chartData(ChartGrid& grid, QSize size);

// Writes a chart by the ending of the name: png (2x), svg, pdf, csv. "" or why not.
[[nodiscard]] QString saveChart(ChartGrid& grid, QSize size, const QString& path);

}  // namespace caravan::widgets
