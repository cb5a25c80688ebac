// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/shell/surface.h"

namespace caravan::ui {

// A key as it stands on a keyboard: "Ctrl K" in a small frame.
void drawKeyChip(QPainter* painter, const QRectF& area, const QString& keys);
[[nodiscard]] int keyChipWidth(const QString& keys);

class KeyChip : public QWidget {
    Q_OBJECT
  public:
    explicit KeyChip(const QString& keys, QWidget* parent = nullptr);

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    QString m_keys;
};

}  // namespace caravan::ui
