// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLayout>
#include <QWidget>

namespace caravan::ui {

// Deletes everything in the layout, nested layouts included.
void emptyLayout(QLayout* layout);

// Legend of one part of a stacked bar: colour square, name, number.
class LegendItem : public QWidget {
    Q_OBJECT
  public:
    LegendItem(int part, int parts, const QString& name, const QString& value, QWidget* parent = nullptr);
    void setSpread(bool spread) { m_spread = spread; }  // number at the right edge
    [[nodiscard]] QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    int m_part, m_parts;
    QString m_name, m_value;
    bool m_spread = false;
};

}  // namespace caravan::ui
