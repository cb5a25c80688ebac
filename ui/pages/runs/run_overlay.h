// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QWidget>

#include "ui/project_context.h"

class QComboBox;

namespace caravan::widgets {
class ChartPane;
class CurvePlot;
class Segmented;
}  // namespace caravan::widgets

namespace caravan::ui {

class PaneHeader;

// One figure of several runs over each other: the first in the accent, the others by dash. Curves are read
// from the database when a run is added or has gone on.
class RunOverlay : public QWidget {
    Q_OBJECT
  public:
    explicit RunOverlay(QWidget* parent = nullptr);
    void setProject(ProjectContext* project);
    void setRuns(const QVector<RunEntry>& runs);  // in order; the first is the focused one
    [[nodiscard]] widgets::CurvePlot* plot() const { return m_plot; }
    [[nodiscard]] widgets::ChartPane* pane() const { return m_pane; }
    [[nodiscard]] QComboBox* figureBox() const { return m_figure; }

  private:
    struct Points {
        QVector<double> x, y;
    };
    [[nodiscard]] QString keyOf(const RunEntry& run) const;  // run, how far it is, figure
    void renew();
    void read(const RunEntry& run);
    void draw();

    ProjectContext* m_project = nullptr;
    PaneHeader* m_header;
    QComboBox* m_figure;
    widgets::Segmented* m_scale;
    widgets::CurvePlot* m_plot;
    widgets::ChartPane* m_pane;
    QVector<RunEntry> m_runs;
    QHash<QString, Points> m_points;
};

}  // namespace caravan::ui
