// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/shell/surface.h"

class QMenuBar;

namespace caravan::ui {

class RunPill;

// Menu bar, run pill and the field that opens the command palette, in one row of 40 px.
class MenuRow : public Surface {
    Q_OBJECT
  public:
    explicit MenuRow(QWidget* parent = nullptr);
    [[nodiscard]] QMenuBar* menuBar() const { return m_menus; }
    [[nodiscard]] RunPill* pill() const { return m_pill; }

  Q_SIGNALS:
    void paletteWanted();

  private:
    QMenuBar* m_menus;
    RunPill* m_pill;
};

}  // namespace caravan::ui
