// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/shell/surface.h"

class QProgressBar;

namespace caravan::ui {

// 44 px: what an analysis is doing, how far it is, and Cancel.
class AnalysisBar : public Surface {
    Q_OBJECT
  public:
    explicit AnalysisBar(QWidget* parent = nullptr);
    void showProgress(const QString& words, std::int64_t done, std::int64_t total);  // total 0: not known
    [[nodiscard]] QPushButton* cancelButton() const { return m_cancel; }
    [[nodiscard]] QString words() const;

  private:
    ThemedLabel* m_words;
    QProgressBar* m_progress;
    QPushButton* m_cancel;
};

}  // namespace caravan::ui
