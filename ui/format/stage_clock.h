// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QString>

#include "engine/api/run_events.h"

namespace caravan::ui {

// Words for long work whose parts tell how far they are: "writing weights, 12 of 290 · about 40 s left".
// What is left is that of the part, as fast as it went so far; it is said once a part has gone on for two
// seconds, and no more when less than ten are left.
class StageClock {
  public:
    // Milliseconds of a clock that tests turn; the other one takes the time.
    [[nodiscard]] QString words(const engine::Progress& progress, qint64 now);
    [[nodiscard]] QString words(const engine::Progress& progress);
    // Only "40 s left"; "" while it is not said.
    [[nodiscard]] QString left(const engine::Progress& progress, qint64 now);
    [[nodiscard]] QString left(const engine::Progress& progress);
    void restart() { m_stage.clear(); }

  private:
    std::string m_stage;
    qint64 m_began = 0;
    std::int64_t m_first = 0;  // done when the part began to tell
    QElapsedTimer m_clock;
};

}  // namespace caravan::ui
