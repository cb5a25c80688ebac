// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QVector>
#include <QWidget>

namespace caravan::widgets {

// One horizontal bar of parts: memory against the card, shares of a data mix. Parts are told apart by three
// steps of the accent and thin gaps; the part that exceeds `capacity` is hatched in the error colour.
class StackBar : public QWidget {
    Q_OBJECT

  public:
    struct Part {
        QString name;
        double value = 0;
        QString text;  // value with unit, for tooltip and screen reader
    };
    explicit StackBar(QWidget* parent = nullptr);

    void setParts(const QVector<Part>& parts);
    [[nodiscard]] const QVector<Part>& parts() const { return m_parts; }
    void setCapacity(double capacity);  // 0: the sum of the parts
    void setNamed(bool named);          // 20 px high, name and text inside each part where they fit
    [[nodiscard]] double total() const;
    [[nodiscard]] bool overflows() const { return m_capacity > 0 && total() > m_capacity; }
    [[nodiscard]] QRectF partRect(int index) const;
    [[nodiscard]] QSize sizeHint() const override { return {240, m_named ? 20 : 16}; }

    // Colour of part `index`, for a legend beside the bar.
    [[nodiscard]] static QColor partColor(int index, int count);

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

  private:
    [[nodiscard]] double scale() const;

    QVector<Part> m_parts;
    double m_capacity = 0;
    bool m_named = false;
};

// Shares of a mix by two measures (rows and tokens): the same widget without a capacity.
using MixBar = StackBar;

}  // namespace caravan::widgets
