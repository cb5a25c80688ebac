// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QPointer>
#include <QWidget>

namespace caravan::ui {

// One 2 px ring, 2 px off the control that has the keyboard focus. Lists and canvases draw their own current
// item. The ring is a child of the scrolled content or of the window, so that no layout's edge clips it.
class FocusRing : public QObject {
    Q_OBJECT
  public:
    explicit FocusRing(QObject* parent);

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    class Frame;
    void follow(QWidget* widget);
    void place();
    QPointer<QWidget> m_target;
    QPointer<Frame> m_frame;
    bool m_keyboard = false;
};

}  // namespace caravan::ui
