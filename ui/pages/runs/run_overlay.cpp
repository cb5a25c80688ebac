// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/runs/run_overlay.h"

#include <QComboBox>
#include <QVBoxLayout>
#include <limits>

#include "projects/run_catalogue.h"
#include "ui/format/format.h"
#include "ui/pages/tune/tune_plots.h"
#include "ui/run_follower.h"
#include "ui/shell/pane_header.h"
#include "widgets/chart_pane.h"
#include "widgets/curve_plot.h"
#include "widgets/segmented.h"

namespace caravan::ui {
namespace {

using projects::Metric;

constexpr std::size_t kMostPoints = 20000;  // of a run; more than any plot has pixels
constexpr int kHeldOut = -1;

struct Figure {
    const char* name;
    int metric;  // Metric, or kHeldOut
    bool smoothed;
};
constexpr Figure kFigures[] = {
    {QT_TRANSLATE_NOOP("RunOverlay", "Train loss"), static_cast<int>(Metric::Loss), true},
    {QT_TRANSLATE_NOOP("RunOverlay", "Held-out loss"), kHeldOut, false},
    {QT_TRANSLATE_NOOP("RunOverlay", "Balance"), static_cast<int>(Metric::Balance), true},
    {QT_TRANSLATE_NOOP("RunOverlay", "Learning rate"), static_cast<int>(Metric::LearningRate), false},
    {QT_TRANSLATE_NOOP("RunOverlay", "Gradient norm"), static_cast<int>(Metric::GradientNorm), true},
    {QT_TRANSLATE_NOOP("RunOverlay", "Tokens/s"), static_cast<int>(Metric::TokensPerSecond), true},
};

QString nameOf(const Figure& figure) {
    return QCoreApplication::translate("RunOverlay", figure.name);
}

}  // namespace

RunOverlay::RunOverlay(QWidget* parent)
    : QWidget(parent),
      m_header(new PaneHeader(tr("Overlay"))),
      m_figure(new QComboBox),
      m_scale(new widgets::Segmented({tr("Lin"), tr("Log")})),
      m_plot(new widgets::CurvePlot),
      m_pane(new widgets::ChartPane(m_plot)) {
    for (const Figure& figure : kFigures)
        m_figure->addItem(nameOf(figure));
    m_figure->setAccessibleName(tr("Figure"));
    m_scale->setAccessibleName(tr("Scale"));
    m_header->addWidget(m_figure);
    m_header->addWidget(m_scale);
    m_header->addMenu(m_pane->chartActions());
    m_header->setFixedHeight(44);
    widgets::LaneStyle lane;
    lane.main = true;
    m_plot->addLane(lane);
    m_plot->setAccessibleName(tr("Runs over each other"));
    m_plot->setSmoothing(TunePlots::usualSmoothing());  // the figures that Tune tells
    m_plot->setTickFormat([](double x) { return withThousands(std::llround(x)); });
    m_plot->setReadOutHead([](double x) {
        return qMakePair(RunOverlay::tr("Step %1").arg(withThousands(std::llround(x))), QString());
    });
    m_plot->setEmptyText(tr("Check runs to lay their curves over each other."));
    m_pane->setExportName(tr("overlay"));
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 8);
    column->setSpacing(0);
    column->addWidget(m_header);
    column->addWidget(m_pane, 1);
    connect(m_figure, &QComboBox::currentIndexChanged, this, &RunOverlay::renew);
    connect(m_scale, &widgets::Segmented::currentChanged, this,
            [this](int index) { m_plot->setLogScale(index == 1); });
    connect(m_plot, &widgets::CurvePlot::logScaleChanged, this,
            [this](bool on) { m_scale->setCurrent(on ? 1 : 0); });
}

void RunOverlay::setProject(ProjectContext* project) {
    m_project = project;
    m_points.clear();
    setRuns({});
}

void RunOverlay::setRuns(const QVector<RunEntry>& runs) {
    m_runs = runs;
    renew();
}

QString RunOverlay::keyOf(const RunEntry& run) const {
    return QStringLiteral("%1 %2 %3").arg(run.folder).arg(run.step).arg(m_figure->currentIndex());
}

void RunOverlay::renew() {
    const Figure& figure = kFigures[m_figure->currentIndex()];
    QString words = nameOf(figure).toLower();
    if (figure.smoothed) words = tr("%1, smoothed").arg(words);
    m_header->setContext(
        m_runs.isEmpty() ? QString()
                         : tr("%1, %n checked run(s)", nullptr, static_cast<int>(m_runs.size())).arg(words));
    for (const RunEntry& run : std::as_const(m_runs))
        if (!m_points.contains(keyOf(run))) read(run);
    draw();
}

void RunOverlay::read(const RunEntry& run) {
    if (m_project == nullptr) return;
    const int metric = kFigures[m_figure->currentIndex()].metric;
    m_project->inProject<Points>(
        this,
        [id = run.id.toStdString(), metric](ProjectStore& store) {
            Points points;
            if (metric == kHeldOut) {
                if (const auto list = store.catalogue->evaluations(id))
                    for (const engine::Evaluation& evaluation : *list) {
                        if (evaluation.heldoutLoss.empty()) continue;
                        points.x << static_cast<double>(evaluation.step);
                        points.y << evaluation.mean;
                    }
            } else if (const auto series = store.catalogue->series(
                           id, static_cast<Metric>(metric), 0, std::numeric_limits<engine::StepIndex>::max(),
                           kMostPoints)) {
                for (const projects::SeriesPoint& point : *series) {
                    points.x << static_cast<double>(point.step);
                    points.y << point.value;
                }
            }
            return points;
        },
        [this, key = keyOf(run)](const Points& points) {
            if (m_points.size() > 64) m_points.clear();  // of runs that went on, and of other figures
            m_points.insert(key, points);
            draw();
        });
}

void RunOverlay::draw() {
    const Figure& figure = kFigures[m_figure->currentIndex()];
    m_plot->removeCurves(0);
    for (int i = 0; i < m_runs.size(); ++i) {
        widgets::CurveStyle style;
        style.ink = i == 0  ? widgets::CurveInk::Accent
                    : i < 3 ? widgets::CurveInk::Text
                            : widgets::CurveInk::Text2;
        style.width = i == 0 ? 2 : 1.6;
        style.dash = i;
        style.smoothed = figure.smoothed;
        style.marker = figure.metric == kHeldOut ? widgets::domainMarker(i) : widgets::Marker::None;
        const int curve = m_plot->addCurve(0, runName(*m_project, m_runs[i]), style);
        const Points points = m_points.value(keyOf(m_runs[i]));
        for (qsizetype p = 0; p < points.x.size(); ++p)
            m_plot->append(curve, points.x[p], points.y[p]);
    }
    m_plot->fit();
    m_pane->refresh();
}

}  // namespace caravan::ui
