// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>

#include "ui/pages/runs/run_facts.h"
#include "ui/project_context.h"

namespace caravan::ui {

// Settings, then results, of the checked runs side by side; only those that differ, or all of them.
class RunDifferences : public QAbstractTableModel {
    Q_OBJECT
  public:
    enum Role { SortRole = Qt::UserRole, DiffersRole };
    struct Column {
        RunEntry run;
        RunFacts facts;
    };
    explicit RunDifferences(QObject* parent = nullptr) : QAbstractTableModel(parent) {}

    void setRuns(const QVector<Column>& columns);
    void setOnlyDiffering(bool only);
    // "9 of 64 settings and results"
    [[nodiscard]] QString countWords() const;
    // One sentence with what is the same of what matters most; "" for fewer than two runs.
    [[nodiscard]] QString sameWords() const;

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  private:
    struct Row {
        QString name;
        QStringList values;
        bool differs = false;
        std::string key;  // of the setting, or the result's
    };
    void rebuild();
    QVector<Column> m_columns;
    QVector<Row> m_all, m_rows;
    bool m_only = true;
};

}  // namespace caravan::ui
