// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFocusFrame>
#include <QObject>
#include <QPointer>

namespace caravan::ui {

// One 2 px ring, 2 px off the control that has the keyboard focus. Lists and canvases draw their own current
// item.
class FocusRing : public QObject {
    Q_OBJECT
  public:
    explicit FocusRing(QObject* parent);

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void follow(QWidget* widget);
    QPointer<QFocusFrame> m_frame;
    bool m_keyboard = true;
};

}  // namespace caravan::ui
