// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/api/engine.h"
#include "ui/bridge/engine_link.h"
#include "ui/shell/surface.h"

namespace caravan::ui {

// "CPU, 2 cores · 1.2 of 15.6 GiB" (and watts, temperature and use where they are known).
[[nodiscard]] QString deviceText(const engine::DeviceStatus& device);

// 24 px at the bottom: engine and device at the left, a fact and two key hints of the page at the right.
class StatusLine : public Surface {
    Q_OBJECT
  public:
    explicit StatusLine(QWidget* parent = nullptr);
    // runDied: a run ended with the engine before this one, and nobody has gone on with it yet
    void setEngine(const EngineLink& engine, bool runDied = false);
    void setPageTexts(const QString& fact, const QStringList& hints);

  private:
    class Dot;
    Dot* m_dot;
    ThemedLabel *m_engine, *m_device, *m_fact, *m_hints;
};

}  // namespace caravan::ui
