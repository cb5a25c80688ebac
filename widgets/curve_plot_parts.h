// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Private parts of CurvePlot.
#include "widgets/curve_plot.h"

namespace caravan::widgets {

constexpr int kCurvePlotLeft = 48;  // px left of the axis rects: tick labels

// Property of a plot that was given the focus by the program: its ring waits for the keyboard.
inline constexpr char kQuietFocus[] = "quietFocus";

struct CurvePlot::Curve {
    QString name;
    int lane = 0;
    CurveStyle style;
    CurveSeries series;
};

struct CurvePlot::Lane {
    LaneStyle style;
    QCPAxisRect* rect = nullptr;
    QString value;
    double low = 0, high = 1;  // value axis

    [[nodiscard]] QCPAxis* x() const { return rect->axis(QCPAxis::atBottom); }
    [[nodiscard]] QCPAxis* y() const { return rect->axis(QCPAxis::atLeft); }
};

// Tick labels by a function; few, round ticks on a logarithmic axis of any span.
class FormatTicker : public QCPAxisTicker {
  public:
    std::function<QString(double)> format;
    bool logarithmic = false;
    bool whole = false;  // steps, tokens, seconds: no tick between two of them
    int decimals = 0;    // of the labels, by the tick step
    double getTickStep(const QCPRange& range) override;
    QString getTickLabel(double tick, const QLocale& locale, QChar formatChar, int precision) override;
    QVector<double> createTickVector(double tickStep, const QCPRange& range) override;
};

// Curves, lane names, marks and labels at line ends.
class CurveDecor : public QCPLayerable {
  public:
    explicit CurveDecor(CurvePlot* plot) : QCPLayerable(plot, QStringLiteral("main")), m_plot(plot) {}

  protected:
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override { painter->setAntialiasing(true); }
    QRect clipRect() const override { return m_plot->rect(); }
    void draw(QCPPainter* painter) override;

  private:
    void drawCurves(QCPPainter& painter, int lane);
    void drawBand(QCPPainter& painter, const CurvePlot::Curve& curve, const CurvePlot::Lane& lane);
    void drawLine(QCPPainter& painter, const CurvePlot::Curve& curve, const CurvePlot::Lane& lane);
    [[nodiscard]] bool isDense(const CurvePlot::Curve& curve, int columns) const;
    void drawDense(QCPPainter& painter, const CurvePlot::Curve& curve, const CurvePlot::Lane& lane);
    void drawMarkers(QCPPainter& painter, const CurvePlot::Curve& curve, const CurvePlot::Lane& lane);
    void drawMarks(QCPPainter& painter);
    void drawEndLabels(QCPPainter& painter, int lane);
    void drawLane(QCPPainter& painter, int lane);

    CurvePlot* m_plot;
};

// What moves with the pointer or the run: now line, cursor, brush, read-out. On a layer of its own.
class CurveOverlay : public QCPLayerable {
  public:
    explicit CurveOverlay(CurvePlot* plot) : QCPLayerable(plot, QStringLiteral("overlay")), m_plot(plot) {}

  protected:
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override { painter->setAntialiasing(true); }
    QRect clipRect() const override { return m_plot->rect(); }
    void draw(QCPPainter* painter) override;

  private:
    void drawReadOut(QCPPainter& painter, double x);
    [[nodiscard]] QRectF fullHeight(double pixelLow, double pixelHigh) const;

    CurvePlot* m_plot;
};

}  // namespace caravan::widgets
