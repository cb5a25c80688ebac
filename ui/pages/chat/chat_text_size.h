// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFont>
#include <QObject>

#include "widgets/theme_colors.h"

namespace caravan::ui {

// How large questions and answers are written, in percent of the theme's size; one for all conversations,
// kept among the settings.
class ChatTextSize : public QObject {
    Q_OBJECT
  public:
    static ChatTextSize& instance();
    [[nodiscard]] int percent() const { return m_percent; }
    void step(int direction);  // 1: the next larger size, -1: the next smaller one
    void reset();              // 100 %
    [[nodiscard]] bool canStep(int direction) const;
    // The role's font in that size.
    [[nodiscard]] QFont font(widgets::TextRole role) const;

  Q_SIGNALS:
    void changed();

  private:
    ChatTextSize();
    void set(int percent);
    int m_percent = 100;
};

}  // namespace caravan::ui
