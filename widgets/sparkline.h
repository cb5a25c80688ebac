// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QVector>
#include <QWidget>

namespace caravan::widgets {

// A curve of a few px with a dot at its end; no axis. Values that are not finite are skipped.
class Sparkline : public QWidget {
    Q_OBJECT

  public:
    explicit Sparkline(QWidget* parent = nullptr);
    void setValues(const QVector<double>& values);
    [[nodiscard]] const QVector<double>& values() const { return m_values; }
    [[nodiscard]] QSize sizeHint() const override { return {64, 20}; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    QVector<double> m_values;
};

// For delegates: at most one vertex pair per pixel.
void drawSparkline(QPainter& painter, const QRectF& area, const QVector<double>& values, const QColor& color);

}  // namespace caravan::widgets
