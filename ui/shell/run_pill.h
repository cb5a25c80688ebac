// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractButton>
#include <QElapsedTimer>
#include <QIcon>

#include "ui/bridge/run_controller.h"

namespace caravan::ui {

// The product mark: 4 x 2 squares, the two given ones lit.
void paintMark(QPainter& painter, const QRectF& area, int first, int second, const QColor& lit);

// The mark as the window's icon.
[[nodiscard]] QIcon markIcon();

// The live run in the menu row: mark, state, bar, percent, time left. A click shows it.
class RunPill : public QAbstractButton {
    Q_OBJECT
  public:
    explicit RunPill(QWidget* parent = nullptr);
    void setRun(const LiveRun& run);
    void setTopPair(int first, int second);  // of the last step; at most two changes a second
    [[nodiscard]] QSize sizeHint() const override { return {330, 30}; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    LiveRun m_run;
    int m_first = 1, m_second = 6;
    QElapsedTimer m_changed;
};

}  // namespace caravan::ui
