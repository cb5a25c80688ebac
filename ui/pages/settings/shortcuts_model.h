// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <QStyledItemDelegate>

class QAction;

namespace caravan::ui {

class ActionRegistry;

// Every action with its keys, which can be changed. Two actions that can be on at the same time never share
// keys: refused() names the other one.
class ShortcutsModel : public QAbstractTableModel {
    Q_OBJECT
  public:
    enum Column { Action, Place, Keys, ColumnCount };
    explicit ShortcutsModel(ActionRegistry* actions, QObject* parent = nullptr);

    [[nodiscard]] bool isChanged(int row) const;  // not the default
    void reset(int row);
    void resetAll();

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;

  Q_SIGNALS:
    void refused(const QString& reason);

  private:
    void reload();
    ActionRegistry* m_registry;
    QList<QAction*> m_actions;
};

// A field that takes the keys that are pressed in it.
class KeysDelegate : public QStyledItemDelegate {
    Q_OBJECT
  public:
    using QStyledItemDelegate::QStyledItemDelegate;
    QWidget* createEditor(QWidget* parent, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const override;
    void setEditorData(QWidget* editor, const QModelIndex& index) const override;
    void setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const override;
};

}  // namespace caravan::ui
