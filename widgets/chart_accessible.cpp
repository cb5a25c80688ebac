// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAccessible>
#include <QAccessibleWidget>
#include <QHash>
#include <QWidget>

#include "widgets/chart_grid.h"

namespace caravan::widgets {
namespace {

class GridAccessible;

// One cell as the screen reader sees it. Owned by Qt's accessibility registry, deleted with the chart's
// interface.
class GridCellAccessible : public QAccessibleInterface, public QAccessibleTableCellInterface {
  public:
    GridCellAccessible(GridAccessible* table, int row, int column)
        : m_table(table), m_row(row), m_column(column) {}

    void* interface_cast(QAccessible::InterfaceType type) override {
        return type == QAccessible::TableCellInterface ? static_cast<QAccessibleTableCellInterface*>(this)
                                                       : nullptr;
    }
    bool isValid() const override;
    QObject* object() const override { return nullptr; }
    QAccessibleInterface* parent() const override;
    QAccessibleInterface* child(int) const override { return nullptr; }
    QAccessibleInterface* childAt(int, int) const override { return nullptr; }
    int childCount() const override { return 0; }
    int indexOfChild(const QAccessibleInterface*) const override { return -1; }
    QString text(QAccessible::Text type) const override;
    void setText(QAccessible::Text, const QString&) override {}
    QRect rect() const override;
    QAccessible::Role role() const override { return QAccessible::Cell; }
    QAccessible::State state() const override;

    int columnExtent() const override { return 1; }
    int rowExtent() const override { return 1; }
    QList<QAccessibleInterface*> columnHeaderCells() const override { return {}; }
    QList<QAccessibleInterface*> rowHeaderCells() const override { return {}; }
    int columnIndex() const override { return m_column; }
    int rowIndex() const override { return m_row; }
    bool isSelected() const override;
    QAccessibleInterface* table() const override { return parent(); }

  private:
    GridAccessible* m_table;
    int m_row, m_column;
};

class GridAccessible : public QAccessibleWidget, public QAccessibleTableInterface {
  public:
    GridAccessible(QWidget* widget, ChartGrid* grid)
        : QAccessibleWidget(widget, QAccessible::Table), m_grid(grid) {}
    ~GridAccessible() override {
        for (const QAccessible::Id id : std::as_const(m_cells))
            QAccessible::deleteAccessibleInterface(id);
    }
    ChartGrid* grid() const { return m_grid; }

    void* interface_cast(QAccessible::InterfaceType type) override {
        if (type == QAccessible::TableInterface) return static_cast<QAccessibleTableInterface*>(this);
        return QAccessibleWidget::interface_cast(type);
    }
    int childCount() const override { return m_grid->gridRows() * m_grid->gridColumns(); }
    QAccessibleInterface* child(int index) const override {
        const int columns = m_grid->gridColumns();
        return columns > 0 && index >= 0 && index < childCount() ? cellAt(index / columns, index % columns)
                                                                 : nullptr;
    }
    int indexOfChild(const QAccessibleInterface* child) const override {
        if (child == nullptr || child->role() != QAccessible::Cell || child->parent() != this) return -1;
        const auto* cell = static_cast<const GridCellAccessible*>(child);
        return cell->rowIndex() * m_grid->gridColumns() + cell->columnIndex();
    }
    QAccessibleInterface* childAt(int x, int y) const override {
        if (childCount() > 100000) return nullptr;  // curves: walked by the table instead
        const QPoint local = widget()->mapFromGlobal(QPoint(x, y));
        for (int row = 0; row < m_grid->gridRows(); ++row)
            for (int column = 0; column < m_grid->gridColumns(); ++column)
                if (m_grid->gridRect(row, column).contains(local)) return cellAt(row, column);
        return nullptr;
    }
    QAccessibleInterface* focusChild() const override {
        const QPoint current = m_grid->gridCurrent();
        return current.y() >= 0 ? cellAt(current.y(), current.x()) : nullptr;
    }

    QAccessibleInterface* caption() const override { return nullptr; }
    QAccessibleInterface* summary() const override { return nullptr; }
    QAccessibleInterface* cellAt(int row, int column) const override {
        if (row < 0 || column < 0 || row >= m_grid->gridRows() || column >= m_grid->gridColumns())
            return nullptr;
        const qint64 key = static_cast<qint64>(row) << 32 | column;
        const auto found = m_cells.constFind(key);
        if (found != m_cells.constEnd()) return QAccessible::accessibleInterface(*found);
        auto* cell = new GridCellAccessible(const_cast<GridAccessible*>(this), row, column);
        m_cells.insert(key, QAccessible::registerAccessibleInterface(cell));
        return cell;
    }
    int selectedCellCount() const override { return m_grid->gridCurrent().y() >= 0 ? 1 : 0; }
    QList<QAccessibleInterface*> selectedCells() const override {
        if (QAccessibleInterface* cell = focusChild()) return {cell};
        return {};
    }
    QString columnDescription(int column) const override { return m_grid->gridColumnName(column); }
    QString rowDescription(int row) const override { return m_grid->gridRowName(row); }
    int selectedColumnCount() const override { return 0; }
    int selectedRowCount() const override { return 0; }
    int columnCount() const override { return m_grid->gridColumns(); }
    int rowCount() const override { return m_grid->gridRows(); }
    QList<int> selectedColumns() const override { return {}; }
    QList<int> selectedRows() const override { return {}; }
    bool isColumnSelected(int) const override { return false; }
    bool isRowSelected(int) const override { return false; }
    bool selectRow(int) override { return false; }
    bool selectColumn(int) override { return false; }
    bool unselectRow(int) override { return false; }
    bool unselectColumn(int) override { return false; }
    void modelChange(QAccessibleTableModelChangeEvent*) override {}

  private:
    ChartGrid* m_grid;
    mutable QHash<qint64, QAccessible::Id> m_cells;
};

bool GridCellAccessible::isValid() const {
    return m_row < m_table->grid()->gridRows() && m_column < m_table->grid()->gridColumns();
}
QAccessibleInterface* GridCellAccessible::parent() const {
    return m_table;
}
QString GridCellAccessible::text(QAccessible::Text type) const {
    if (!isValid()) return {};
    if (type == QAccessible::Name) return m_table->grid()->gridSentence(m_row, m_column);
    if (type == QAccessible::Value) return m_table->grid()->gridText(m_row, m_column);
    return {};
}
QRect GridCellAccessible::rect() const {
    const QRect local = m_table->grid()->gridRect(m_row, m_column);
    const QWidget* widget = m_table->grid()->gridWidget();
    return local.isEmpty() ? QRect() : QRect(widget->mapToGlobal(local.topLeft()), local.size());
}
QAccessible::State GridCellAccessible::state() const {
    QAccessible::State state;
    state.selectable = true;
    state.focusable = true;
    state.selected = isSelected();
    state.focused = state.selected && m_table->grid()->gridWidget()->hasFocus();
    return state;
}
bool GridCellAccessible::isSelected() const {
    return m_table->grid()->gridCurrent() == QPoint(m_column, m_row);
}

QAccessibleInterface* makeGridInterface(const QString&, QObject* object) {
    auto* widget = qobject_cast<QWidget*>(object);
    if (widget == nullptr) return nullptr;
    auto* grid = dynamic_cast<ChartGrid*>(object);
    return grid != nullptr ? new GridAccessible(widget, grid) : nullptr;
}

}  // namespace

void installChartAccessibility() {
    static const bool installed = [] {
        QAccessible::installFactory(&makeGridInterface);
        return true;
    }();
    Q_UNUSED(installed);
}

void announceGridCell(ChartGrid& grid, int row, int column) {
    if (!QAccessible::isActive()) return;
    QAccessibleEvent event(grid.gridWidget(), QAccessible::Focus);
    event.setChild(row * grid.gridColumns() + column);
    QAccessible::updateAccessibility(&event);
}

}  // namespace caravan::widgets
