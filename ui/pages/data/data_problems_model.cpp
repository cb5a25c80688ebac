// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/data/data_problems_model.h"

#include <QFileInfo>

#include "ui/format/format.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {

void DataProblemsModel::setProblems(std::vector<engine::RowProblem> problems) {
    beginResetModel();
    m_problems = std::move(problems);
    endResetModel();
}

int DataProblemsModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_problems.size());
}
int DataProblemsModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : ColumnCount;
}

QVariant DataProblemsModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const engine::RowProblem& problem = m_problems[static_cast<std::size_t>(index.row())];
    const QString path = QString::fromStdString(problem.file);
    switch (role) {
        case Qt::DisplayRole:
        case Qt::AccessibleTextRole:
            if (index.column() == File) return QFileInfo(path).fileName();
            if (index.column() == Line)
                return problem.line > 0 ? withThousands(problem.line) : QStringLiteral("–");
            if (index.column() == Action) return problem.kept ? tr("keep") : tr("skip");
            return QString::fromStdString(problem.reason).simplified();
        case Qt::ToolTipRole:
            return index.column() == Reason ? QString::fromStdString(problem.reason) : homePath(path);
        case Qt::TextAlignmentRole:
            return QVariant::fromValue(Qt::AlignVCenter |
                                       (index.column() == Line ? Qt::AlignRight : Qt::AlignLeft));
        case Qt::FontRole:
            return index.column() == Line ? QVariant(widgets::numberFont()) : QVariant();
        case Qt::ForegroundRole:
            return index.column() == File || index.column() == Action ? QVariant(widgets::themeColors().text2)
                   : problem.line <= 0                                ? QVariant(widgets::themeColors().err)
                   : index.column() == Line ? QVariant(widgets::themeColors().accent)  // opens the row
                                            : QVariant();
        case SortRole:
            if (index.column() == Line) return QVariant::fromValue<qlonglong>(problem.line);
            return data(index, Qt::DisplayRole);
        case PathRole:
            return path;
        default:
            return {};
    }
}

QVariant DataProblemsModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(Qt::AlignVCenter | (section == Line ? Qt::AlignRight : Qt::AlignLeft));
    if (role != Qt::DisplayRole) return {};
    const QStringList titles = {tr("File"), tr("Line"), tr("Reason"), tr("Action")};
    return titles.value(section);
}

}  // namespace caravan::ui
