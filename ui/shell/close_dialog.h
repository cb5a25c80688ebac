// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

#include "ui/bridge/run_controller.h"

class QCheckBox;
class QButtonGroup;

namespace caravan::ui {

class ChoiceCard;
class ThemedLabel;

enum class CloseChoice { Cancel, KeepTuning, PauseAndSave, StopWithoutSaving };

// Asks what becomes of the run when the window closes; Esc = Cancel.
class CloseDialog : public QDialog {
    Q_OBJECT
  public:
    CloseDialog(const LiveRun& run, QWidget* parent);
    void setRun(const LiveRun& run);  // which goes on while it is asked
    [[nodiscard]] CloseChoice choice() const;
    [[nodiscard]] bool always() const;

  private:
    ThemedLabel* m_situation;
    ChoiceCard *m_save, *m_stop;
    QButtonGroup* m_group;
    QCheckBox* m_always;
};

}  // namespace caravan::ui
