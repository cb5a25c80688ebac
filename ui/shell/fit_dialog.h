// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

#include "engine/api/fit_table.h"
#include "ui/bridge/engine_link.h"

class QStandardItemModel;
class QTableView;

namespace caravan::ui {

class ThemedLabel;

// What could be tuned on this machine: common models against settings, with the memory that the engine's plan
// says. Asks when it opens; until the engine answers it says what it waits for.
class FitDialog : public QDialog {
    Q_OBJECT
  public:
    FitDialog(EngineLink* engine, QWidget* parent);
    [[nodiscard]] QTableView* table() const { return m_table; }
    [[nodiscard]] QString note() const;

  protected:
    void changeEvent(QEvent* event) override;

  private:
    void ask();
    void showState();
    void showTable();

    EngineLink* m_engine;
    quint64 m_request = 0;
    engine::FitTable m_fits;  // empty until the engine has answered
    ThemedLabel* m_head;
    ThemedLabel* m_note;
    QStandardItemModel* m_model;
    QTableView* m_table;
};

}  // namespace caravan::ui
