// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <array>

#include "engine/api/config/recipe.h"
#include "engine/api/data_preview.h"

class QComboBox;
class QFormLayout;

namespace caravan::ui {

// How the rows of a file become conversations: its format, the shape of its rows, and which column is what.
// An empty field is recognised by itself; what was recognised stands in it in gray.
class MappingDialog : public QDialog {
    Q_OBJECT
  public:
    // report: of the newest preview; nullptr: not read yet
    MappingDialog(const engine::DataFile& file, const engine::DataFileReport* report, QWidget* parent);
    [[nodiscard]] engine::ColumnMapping mapping() const;

    // For tests.
    [[nodiscard]] QComboBox* formatBox() const { return m_format; }
    [[nodiscard]] QComboBox* shapeBox() const { return m_shape; }
    [[nodiscard]] QComboBox* columnBox(const QString& word) const;  // "prompt"
    void makeAutomatic();

  private:
    void showColumns();
    [[nodiscard]] engine::RowShape shape() const;  // chosen, else recognised

    engine::ColumnMapping m_recognised;
    QComboBox* m_format;
    QComboBox* m_shape;
    std::array<QComboBox*, 7> m_columns{};  // in the order of kMappedColumns
    QFormLayout* m_form;
};

}  // namespace caravan::ui
