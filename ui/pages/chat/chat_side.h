// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QSplitter;

namespace caravan::widgets {
class Segmented;
}

namespace caravan::ui {

// The right column of the chat page: two panels below each other, or one of them at a time where the window
// is too low for both.
class ChatSide : public QWidget {
    Q_OBJECT
  public:
    ChatSide(QWidget* token, QWidget* steer, QWidget* parent = nullptr);
    void setSteerable(bool steerable);  // false: a dense model, the token's panel alone
    void showSteer();                   // where one is shown at a time
    [[nodiscard]] bool isLow() const { return m_low; }

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    void arrange();
    QWidget* m_token;
    QWidget* m_steer;
    QSplitter* m_split;
    QWidget* m_bar;
    widgets::Segmented* m_choice;
    bool m_low = false, m_steerable = false;
};

}  // namespace caravan::ui
