// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractButton>

#include "engine/api/config/recipe.h"

namespace caravan::ui {

// A way to upcycle: drawing, name, one line, and how far step 0 is from the dense model.
class MethodCard : public QAbstractButton {
    Q_OBJECT
  public:
    MethodCard(engine::UpcycleMethod method, QWidget* parent = nullptr);
    [[nodiscard]] engine::UpcycleMethod method() const { return m_method; }
    [[nodiscard]] QSize sizeHint() const override { return {250, 88}; }
    [[nodiscard]] QSize minimumSizeHint() const override { return {200, 88}; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    void drawPicture(QPainter& painter, const QRectF& area) const;
    engine::UpcycleMethod m_method;
    QString m_title, m_text;
};

}  // namespace caravan::ui
