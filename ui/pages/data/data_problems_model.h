// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <vector>

#include "engine/api/data_preview.h"

namespace caravan::ui {

// Rows that cannot be used: file, line, reason. Line 0: none of the file's.
class DataProblemsModel : public QAbstractTableModel {
    Q_OBJECT
  public:
    enum Column { File, Line, Reason, Action, ColumnCount };
    enum Role { SortRole = Qt::UserRole, PathRole };
    explicit DataProblemsModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}

    void setProblems(std::vector<engine::RowProblem> problems);
    [[nodiscard]] const std::vector<engine::RowProblem>& problems() const { return m_problems; }

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  private:
    std::vector<engine::RowProblem> m_problems;
};

}  // namespace caravan::ui
