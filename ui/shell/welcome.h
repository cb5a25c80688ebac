// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/bridge/engine_link.h"
#include "ui/shell/surface.h"

class QVBoxLayout;
class QGridLayout;
class QAbstractButton;

namespace caravan::ui {

class ActionRegistry;

// Before a project is open: demo, model folder, project, recents, and what this computer can do.
class Welcome : public Surface {
    Q_OBJECT
  public:
    Welcome(ActionRegistry* actions, EngineLink* engine, QWidget* parent = nullptr);
    void setRecent(const QStringList& folders);

  Q_SIGNALS:
    void projectChosen(const QString& folder);

  private:
    void showComputer();
    [[nodiscard]] QWidget* startColumn(ActionRegistry* actions);
    [[nodiscard]] QWidget* factsColumn(ActionRegistry* actions);
    EngineLink* m_engine;
    QVBoxLayout* m_recent = nullptr;
    QGridLayout* m_facts = nullptr;
    QAbstractButton* m_fits = nullptr;
};

}  // namespace caravan::ui
