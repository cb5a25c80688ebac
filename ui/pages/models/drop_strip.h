// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

namespace caravan::ui {

// Says where things can be dropped; the whole window takes the drop. Highlighted while something is dragged
// over.
class DropStrip : public QWidget {
    Q_OBJECT
  public:
    DropStrip(const QString& title, const QString& text, QWidget* parent = nullptr);
    void setHighlighted(bool highlighted);
    [[nodiscard]] QSize sizeHint() const override { return {300, 92}; }
    [[nodiscard]] QSize minimumSizeHint() const override { return {200, 72}; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    QString m_title, m_text;
    bool m_highlighted = false;
};

}  // namespace caravan::ui
