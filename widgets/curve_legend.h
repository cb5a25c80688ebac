// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "widgets/curve_plot.h"

namespace caravan::widgets {

// Line samples with names, in one row; what does not fit is left out from the right.
class CurveLegend : public QWidget {
    Q_OBJECT

  public:
    struct Item {
        QString name;
        CurveStyle style;
        bool caption = false;  // a word without a line: "Held out:"
    };
    explicit CurveLegend(QWidget* parent = nullptr);
    void setItems(const QVector<Item>& items);
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return {0, 20}; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    [[nodiscard]] int itemWidth(const Item& item) const;
    QVector<Item> m_items;
};

}  // namespace caravan::widgets
