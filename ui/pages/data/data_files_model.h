// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>

#include "engine/api/config/recipe.h"
#include "engine/api/data_preview.h"

namespace caravan::ui {

// The recipe's data files, training first, then held out. The recipe is the truth: an edit asks for it with
// the signals below, figures come from the newest preview.
class DataFilesModel : public QAbstractTableModel {
    Q_OBJECT
  public:
    enum Column { File, Format, Domain, Use, Rows, Rejected, Weight, ColumnCount };
    enum Role { SortRole = Qt::UserRole, PathRole, HeldoutRole, ErrorRole };
    explicit DataFilesModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}

    void setFiles(const engine::Recipe::Data& data);
    void setReports(const std::vector<engine::DataFileReport>& reports);
    [[nodiscard]] bool isHeldout(int row) const { return row >= static_cast<int>(m_data.files.size()); }
    [[nodiscard]] const engine::DataFile& file(int row) const;
    [[nodiscard]] const engine::DataFileReport* report(int row) const;  // nullptr: not read yet
    // The lists with another mapping of one row's columns.
    [[nodiscard]] engine::Recipe::Data withMapping(int row, const engine::ColumnMapping& mapping) const;
    // The lists after an edit of one row.
    [[nodiscard]] engine::Recipe::Data without(const QList<int>& rows) const;

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;

  Q_SIGNALS:
    // The user changed a weight, a domain or what a file is used for.
    void edited(const caravan::engine::Recipe::Data& data, const QString& text, const QString& mergeKey);

  private:
    [[nodiscard]] QVariant display(int row, int column) const;

    engine::Recipe::Data m_data;
    std::vector<engine::DataFileReport> m_reports;
};

}  // namespace caravan::ui
