// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

#include "ui/bridge/run_controller.h"

class QCheckBox;
class QButtonGroup;

namespace caravan::ui {

enum class CloseChoice { Cancel, KeepTuning, PauseAndSave, StopWithoutSaving };

// Asks what becomes of the run when the window closes; Esc = Cancel.
class CloseDialog : public QDialog {
    Q_OBJECT
  public:
    CloseDialog(const LiveRun& run, QWidget* parent);
    [[nodiscard]] CloseChoice choice() const;
    [[nodiscard]] bool always() const;

  private:
    QButtonGroup* m_group;
    QCheckBox* m_always;
};

}  // namespace caravan::ui
