// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QTimer>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "widgets/chart_grid.h"
#include "widgets/curve_series.h"
#include "widgets/paint.h"
#include "widgets/plot.h"

namespace caravan::widgets {

enum class CurveInk { Accent, Text, Text2, Warning };
[[nodiscard]] QColor inkColor(CurveInk ink);

struct CurveStyle {
    CurveInk ink = CurveInk::Text;
    double width = 1.2;
    int dash = 0;  // dashPattern()
    Marker marker = Marker::None;
    bool band = false;      // raw samples as a min-max band under the smoothed line
    bool smoothed = false;  // follows setSmoothing()
    bool area = false;      // filled down to the axis
    bool step = false;      // value holds until the next sample: read out as "at or before"
};
struct LaneStyle {
    QString name, hint;  // "Balance", "1 = uniform"
    bool main = false;   // tall, with grid, tick labels and labels at line ends; else a thin lane
    bool fromZero = false;
    double minimumSpan = 0;                 // smallest height of the value axis
    std::optional<double> reference;        // dotted line, e.g. the clip value; kept visible
    std::function<QString(double)> format;  // of values; empty = three digits
};

// Lanes of curves over one x axis (QCustomPlot with one axis rect per lane). Curves draw from min-max
// pyramids, so that a million samples cost what the pixels cost. Replots at most 10 times a second, the
// overlay (cursor, now line, brush) 30 times; nothing while hidden. Arrows move the cursor, Shift+drag or
// Shift+arrows brush, the wheel zooms x, double click fits, drag pans a zoomed plot, L log scale, S
// smoothing.
class CurvePlot : public QCustomPlot, public ChartGrid {
    Q_OBJECT

  public:
    explicit CurvePlot(QWidget* parent = nullptr);
    ~CurvePlot() override;

    int addLane(const LaneStyle& style);  // top to bottom
    int addCurve(int lane, const QString& name, const CurveStyle& style);
    void removeCurves(int firstCurve);  // this one and all after it
    void removeLanes(int firstLane);    // this one and all after it, and the curves in them must be gone
    [[nodiscard]] int curveCount() const { return static_cast<int>(m_curves.size()); }
    [[nodiscard]] int laneCount() const { return static_cast<int>(m_lanes.size()); }
    [[nodiscard]] QString curveName(int curve) const;
    [[nodiscard]] const CurveStyle& curveStyle(int curve) const;
    [[nodiscard]] const CurveSeries& series(int curve) const;

    void append(int curve, double x, double y);  // x must not fall within a curve
    // By what both columns have beyond the curve's end, until it has `upTo` values: their full chunks are
    // shared, not copied.
    void extend(int curve, const Column& x, const Column& y, std::size_t upTo = SIZE_MAX);
    void clearData();
    void setLaneReference(int lane, std::optional<double> reference);
    void setLaneHint(int lane, const QString& hint);
    // Text at the right of a lane; empty = its last value.
    void setLaneValue(int lane, const QString& text);

    void setPlannedEnd(double x);          // right end of the fitted range; 0 = the data's
    void setNow(std::optional<double> x);  // the line that stands where the run is
    struct Mark {
        double x;
        QString text;
        bool warning = false;
    };
    void setMarks(const std::vector<Mark>& marks);              // dotted lines with words
    void setShade(std::optional<QPair<double, double>> range);  // steps that were lost
    // Of the curves that follow it. Long ones come to it by and by, without holding the window.
    void setSmoothing(double weight);
    [[nodiscard]] double smoothing() const { return m_smoothing; }
    void setLogScale(bool logarithmic);  // of the main lanes
    [[nodiscard]] bool isLogScale() const { return m_log; }
    // Head of the read-out: "Step 412" and, at its right, "58 min 52 s". Also names the rows of the table.
    void setReadOutHead(std::function<QPair<QString, QString>(double x)> head) { m_head = std::move(head); }
    void setTickFormat(std::function<QString(double x)> format);
    void setEmptyText(const QString& text);

    void fit();
    void setXRange(double low, double high);
    [[nodiscard]] QPair<double, double> xRange() const { return {m_low, m_high}; }
    [[nodiscard]] bool isZoomed() const { return m_zoomed; }
    void setCursorX(std::optional<double> x);
    [[nodiscard]] std::optional<double> cursorX() const { return m_cursor; }
    void setBrush(std::optional<QPair<double, double>> brush);
    [[nodiscard]] const std::optional<QPair<double, double>>& brushRange() const { return m_brush; }
    // Lines of the read-out at x, name and value, as drawn.
    [[nodiscard]] QVector<QPair<QString, QString>> readOut(double x, int lane = 0) const;
    [[nodiscard]] QRect laneRect(int lane) const;
    void flush();  // replots now what waits (tests, export)
    [[nodiscard]] int replotCount() const { return m_replots; }
    void paintChart(QPainter& painter, QSize size) override;

    [[nodiscard]] int gridRows() const override;
    [[nodiscard]] int gridColumns() const override { return curveCount(); }
    [[nodiscard]] QString gridRowName(int row) const override;
    [[nodiscard]] QString gridColumnName(int column) const override { return curveName(column); }
    [[nodiscard]] QVariant gridValue(int row, int column) const override;
    [[nodiscard]] QString gridText(int row, int column) const override;
    [[nodiscard]] QString gridSentence(int row, int column) const override;
    [[nodiscard]] QRect gridRect(int, int) const override { return {}; }
    [[nodiscard]] QPoint gridCurrent() const override;
    [[nodiscard]] QWidget* gridWidget() override { return this; }
    [[nodiscard]] const QWidget* gridWidget() const override { return this; }

  Q_SIGNALS:
    void cursorMoved(double x);
    void cursorLeft();
    void brushChanged(double low, double high);
    void brushCleared();
    void logScaleChanged(bool logarithmic);
    void markActivated(int mark);   // double click on its line: index into the list of setMarks()
    void smoothingStepRequested();  // S

  protected:
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

  private:
    friend class CurveDecor;
    friend class CurveOverlay;
    struct Curve;
    struct Lane;
    void schedule();
    void scheduleOverlay();
    void smoothOn();  // a little of what setSmoothing() left
    void applyRanges();
    void applyColors();
    void applyLaneHeights();
    [[nodiscard]] Extent valueExtent(const Lane& lane) const;
    [[nodiscard]] double dataEnd() const;
    [[nodiscard]] double fittedEnd() const;
    [[nodiscard]] QString formatted(int lane, double value) const;
    [[nodiscard]] int primaryCurve() const;  // the one with the most samples
    [[nodiscard]] double snapped(double x) const;
    [[nodiscard]] int laneAt(QPoint position) const;
    [[nodiscard]] int markAt(double pixel) const;  // -1: none is near
    [[nodiscard]] double toX(double pixel) const;
    [[nodiscard]] double toPixel(double x) const;
    void zoomBy(double factor, double around);
    void moveCursorBy(int direction, bool brushing);
    [[nodiscard]] QString xName(double x) const;

    std::vector<std::unique_ptr<Curve>> m_curves;
    std::vector<std::unique_ptr<Lane>> m_lanes;
    std::vector<Mark> m_marks;
    std::optional<double> m_now, m_cursor;
    std::optional<QPair<double, double>> m_brush, m_shade;
    std::function<QPair<QString, QString>(double)> m_head;
    std::function<QString(double)> m_tickFormat;
    QString m_emptyText;
    double m_plannedEnd = 0, m_low = 0, m_high = 1, m_smoothing = 0;
    double m_smoothingNow = 0;  // what the curves are on their way to
    bool m_zoomed = false, m_log = false;
    bool m_panning = false;
    std::optional<double> m_brushStart;
    double m_panX = 0;
    int m_hoverLane = 0;
    int m_right = 120;  // px right of the axis rects: lane names, labels at line ends
    QTimer m_replotTimer, m_overlayTimer, m_smoothTimer;
    QElapsedTimer m_sinceReplot;
    int m_replots = 0;
};

}  // namespace caravan::widgets
