// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/chart_grid.h"

#include <QTextStream>

#include "widgets/theme_colors.h"

namespace caravan::widgets {

ChartTableModel::ChartTableModel(const ChartGrid* grid, QObject* parent)
    : QAbstractTableModel(parent), m_grid(grid) {
    m_rows = grid->gridRows();
    m_columns = grid->gridColumns();
}

void ChartTableModel::refresh() {
    const int rows = m_grid->gridRows();
    const int columns = m_grid->gridColumns();
    if (columns != m_columns || rows < m_rows) {
        beginResetModel();
        m_rows = rows;
        m_columns = columns;
        endResetModel();
        return;
    }
    if (rows > m_rows) {
        beginInsertRows({}, m_rows, rows - 1);
        m_rows = rows;
        endInsertRows();
    }
    if (m_rows > 0 && m_columns > 0) {
        Q_EMIT dataChanged(index(0, 0), index(m_rows - 1, m_columns - 1));
        Q_EMIT headerDataChanged(Qt::Horizontal, 0, m_columns - 1);
    }
}

int ChartTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : m_rows;
}
int ChartTableModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : m_columns;
}

QVariant ChartTableModel::data(const QModelIndex& index, int role) const {
    // The chart may have shrunk since the last refresh().
    if (!index.isValid() || index.row() >= m_grid->gridRows() || index.column() >= m_grid->gridColumns())
        return {};
    switch (role) {
        case Qt::DisplayRole:
            return m_grid->gridText(index.row(), index.column());
        case kSortRole:
            return m_grid->gridValue(index.row(), index.column());
        case Qt::AccessibleTextRole:
            return m_grid->gridSentence(index.row(), index.column());
        case Qt::TextAlignmentRole:
            return QVariant(Qt::AlignRight | Qt::AlignVCenter);
        case Qt::FontRole:
            return numberFont();
        default:
            return {};
    }
}

QVariant ChartTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (role == Qt::TextAlignmentRole)
        return QVariant(orientation == Qt::Horizontal ? Qt::AlignRight | Qt::AlignVCenter
                                                      : Qt::AlignLeft | Qt::AlignVCenter);
    if (role != Qt::DisplayRole) return {};
    if (orientation == Qt::Horizontal)
        return section < m_grid->gridColumns() ? m_grid->gridColumnName(section) : QString();
    return section < m_grid->gridRows() ? m_grid->gridRowName(section) : QString();
}

namespace {

QString tabField(QString text) {
    return text.replace(QLatin1Char('\t'), QLatin1Char(' ')).replace(QLatin1Char('\n'), QLatin1Char(' '));
}

QString csvField(QString text) {
    if (text.contains(QLatin1Char(',')) || text.contains(QLatin1Char('"')) ||
        text.contains(QLatin1Char('\n'))) {
        text.replace(QLatin1String("\""), QLatin1String("\"\""));
        return QLatin1Char('"') + text + QLatin1Char('"');
    }
    return text;
}

QString gridToText(const ChartGrid& grid, char between, QString (*field)(QString)) {
    QString text;
    QTextStream out(&text);
    for (int c = 0; c < grid.gridColumns(); ++c)
        out << between << field(grid.gridColumnName(c));
    out << '\n';
    for (int r = 0; r < grid.gridRows(); ++r) {
        out << field(grid.gridRowName(r));
        for (int c = 0; c < grid.gridColumns(); ++c) {
            const QVariant value = grid.gridValue(r, c);
            out << between;
            if (!value.isValid()) continue;
            if (value.typeId() == QMetaType::Double)
                out << QString::number(value.toDouble(), 'g', 9);
            else
                out << field(value.toString());
        }
        out << '\n';
    }
    out.flush();
    return text;
}

}  // namespace

QString gridToCsv(const ChartGrid& grid) {
    return gridToText(grid, ',', csvField);
}

QString gridToTabs(const ChartGrid& grid) {
    return gridToText(grid, '\t', tabField);
}

}  // namespace caravan::widgets
