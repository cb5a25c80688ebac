// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "ui/format/stage_clock.h"
#include "ui/shell/surface.h"

class QProgressBar;

namespace caravan::ui {

// 44 px: what an analysis is doing, how far it is, how long its part still takes, and Cancel.
class AnalysisBar : public Surface {
    Q_OBJECT
  public:
    explicit AnalysisBar(QWidget* parent = nullptr);
    void showProgress(const QString& what, const std::optional<engine::Progress>& progress);
    [[nodiscard]] QPushButton* cancelButton() const { return m_cancel; }
    [[nodiscard]] QString words() const;

  private:
    StageClock m_clock;
    ThemedLabel* m_words;
    QProgressBar* m_progress;
    QPushButton* m_cancel;
};

}  // namespace caravan::ui
