// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractItemModel>
#include <QVector>

#include "ui/project_context.h"

namespace caravan::ui {

// The project's models under up to four headings; models in the order in which they were added.
class ModelTree : public QAbstractItemModel {
    Q_OBJECT
  public:
    enum Column { Name, Type, Parameters, Shape, Weights, Disk, ColumnCount };
    enum Role { PathRole = Qt::UserRole, TagRole, TagToneRole, ReasonRole, SortRole, ReadingRole };
    enum class Group { Dense, Mixtures, Adapters, Unusable };
    explicit ModelTree(QObject* parent = nullptr);

    void setModels(const QVector<ModelEntry>& models);
    void setFilter(const QString& text);  // name, architecture, licence
    [[nodiscard]] QModelIndex indexOf(const QString& path) const;
    [[nodiscard]] int modelCount() const;
    [[nodiscard]] const ModelEntry* entry(const QModelIndex& index) const;  // nullptr for headings
    [[nodiscard]] static Group groupOf(const ModelEntry& entry);
    [[nodiscard]] static QString typeText(const engine::ModelInspection& inspection);
    [[nodiscard]] static QString weightsText(const engine::ModelInspection& inspection);
    // One sentence why a model cannot be used, or ""
    [[nodiscard]] static QString reasonText(const ModelEntry& entry);

    QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
    QModelIndex parent(const QModelIndex& child) const override;
    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;

  private:
    struct Heading {
        Group group;
        QVector<ModelEntry> models;
    };
    void rebuild();
    [[nodiscard]] QVariant cell(const ModelEntry& entry, int column) const;
    [[nodiscard]] QVariant sortValue(const ModelEntry& entry, int column) const;

    QVector<ModelEntry> m_all;
    QVector<Heading> m_headings;
    QString m_filter;
};

}  // namespace caravan::ui
