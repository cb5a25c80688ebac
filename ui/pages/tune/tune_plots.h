// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <QWidget>
#include <array>

#include "projects/power_file.h"
#include "ui/run_history.h"

class QComboBox;
class QSlider;
class QToolButton;

namespace caravan::widgets {
class ChartPane;
class CurveLegend;
class CurvePlot;
class Segmented;
}  // namespace caravan::widgets

namespace caravan::ui {

// Loss, held out, and the five lanes of a run, with smoothing, x axis and scale; after them its power and its
// temperature where the device told them. Follows a RunHistory by appending.
class TunePlots : public QWidget {
    Q_OBJECT
  public:
    enum class XAxis { Step, Tokens, Time };
    enum Lane { Loss, Balance, LearningRate, GradientNorm, TokensPerSecond, Memory, Device };
    explicit TunePlots(QWidget* parent = nullptr);

    void clear();
    // totalSteps: planned, 0 = not known; clip: 0 = none; dense: no balance; now: the run lives at its last
    // step
    void setRun(std::int64_t totalSteps, double clip, bool dense, const QString& memoryName);
    void update(const RunHistory& history, bool live);
    // By step; what none of them tells has no lane.
    void setPower(const std::vector<projects::PowerSample>& samples);
    void addPower(const projects::PowerSample& sample);
    void setLostSteps(std::optional<QPair<engine::StepIndex, engine::StepIndex>> steps);
    void setXAxis(XAxis axis);
    void setEmptyText(const QString& text);
    // Until the slider is moved; the overlay of Runs has it too, so that both tell the same figures.
    [[nodiscard]] static double usualSmoothing();
    [[nodiscard]] XAxis xAxis() const { return m_axis; }
    [[nodiscard]] widgets::CurvePlot* plot() const { return m_plot; }
    [[nodiscard]] widgets::ChartPane* pane() const { return m_pane; }
    void setExportName(const QString& name);
    [[nodiscard]] std::optional<engine::StepIndex> cursorStep() const;
    // Train loss of other runs behind this one's, by step, tokens or time as the axis says.
    struct Overlay {
        QString name;
        std::vector<StepRow> rows;  // step, loss, tokens and seconds are used
    };
    void setOverlays(std::vector<Overlay> overlays);
    [[nodiscard]] QToolButton* overlayButton() const { return m_overlayButton; }

  Q_SIGNALS:
    void brushed(qint64 firstStep, qint64 lastStep);
    void brushCleared();
    void alarmActivated(qint64 step);  // double click on its line

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    [[nodiscard]] QWidget* makeHeader();
    void makeLanes();
    void refill();
    void appendRows();  // some of them; the others as soon as the event loop has nothing else
    void appendMoreRows();
    void appendEvaluations();
    void noteTold(const projects::PowerSample& sample);
    void makeDeviceLanes();  // those of what was told
    void redrawPower();
    void drawPower(const projects::PowerSample& sample);
    void showPower(const projects::PowerSample& sample);  // the values at the right
    void makeHeldOut(const std::vector<std::string>& domains);
    void drawOverlays();
    void showMarks();
    void showValues();
    [[nodiscard]] double xOf(const StepRow& row) const;
    [[nodiscard]] double xAt(engine::StepIndex step) const;
    [[nodiscard]] engine::StepIndex stepAt(double x) const;

    const RunHistory* m_history = nullptr;  // during update() and until the next; owned by the page
    widgets::CurvePlot* m_plot;
    widgets::ChartPane* m_pane;
    widgets::CurveLegend* m_legend;
    widgets::Segmented* m_scale;
    QComboBox* m_axisBox;
    QSlider* m_smoothing;
    QWidget* m_smoothingWord;
    XAxis m_axis = XAxis::Step;
    std::vector<std::string> m_domains;
    std::vector<projects::PowerSample> m_power;
    std::array<bool, 2> m_told{}, m_toldLanes{};  // power, temperature: any of them, and what has a lane
    engine::StepIndex m_powerDrawn = 0;           // the last of them that is
    std::vector<Overlay> m_overlays;              // their curves come after those held out
    QToolButton* m_overlayButton;
    std::size_t m_evaluations = 0, m_alarms = 0;
    int m_generation = -1, m_firstHeldOut = 0;
    std::int64_t m_total = 0;
    bool m_dense = false, m_live = false;
    QTimer m_more;  // rows that wait
    std::optional<QPair<engine::StepIndex, engine::StepIndex>> m_lost;
};

}  // namespace caravan::ui
