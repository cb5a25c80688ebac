// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractSlider>
#include <QVector>
#include <optional>

namespace caravan::widgets {

// The steps of a run as a line of time: a quantity as area, checkpoints as ticks, alarms as dotted lines, a
// handle at the chosen step. The slider's value is a step. Arrows go from record to record, Page keys and [ ]
// from checkpoint to checkpoint, Space plays.
class TimelineScrubber : public QAbstractSlider {
    Q_OBJECT

  public:
    struct Point {
        qint64 step = 0;
        double value = 0;
    };
    struct Mark {
        qint64 step = 0;
        QString text;
    };
    explicit TimelineScrubber(QWidget* parent = nullptr);

    void setTotal(qint64 steps);                                        // right end; at least the last point
    void setPoints(const QVector<Point>& points, const QString& name);  // by step; where one can go
    [[nodiscard]] const QVector<Point>& points() const { return m_points; }
    void setCheckpoints(const QVector<qint64>& steps);
    void setMarks(const QVector<Mark>& marks);
    // Goes to the next or previous checkpoint.
    void stepCheckpoint(int direction);
    // Goes to the next or previous record; false at the end.
    bool stepRecord(int direction);
    [[nodiscard]] qint64 nearestPoint(qint64 step) const;
    [[nodiscard]] double pixelOf(qint64 step) const;

    [[nodiscard]] QSize sizeHint() const override { return {400, 48}; }
    [[nodiscard]] QSize minimumSizeHint() const override { return {160, 44}; }

  Q_SIGNALS:
    void scrubbed(qint64 step);  // by the user, not by setValue()
    void playRequested();

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    [[nodiscard]] QRectF track() const;
    void scrubTo(qint64 step);
    void paintArea(QPainter& painter, const QRectF& area);
    void paintTicks(QPainter& painter, const QRectF& area);

    QVector<Point> m_points;
    QVector<qint64> m_checkpoints;
    QVector<Mark> m_marks;
    QString m_name;
    qint64 m_total = 0;
};

}  // namespace caravan::widgets
