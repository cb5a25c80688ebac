// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <QThreadPool>
#include <optional>

#include "engine/api/approximation.h"
#include "ui/format/stage_clock.h"

class QComboBox;
class QFormLayout;
class QLineEdit;
class QProgressBar;
class QPushButton;
class QSpinBox;

namespace caravan::widgets {
class ChartPane;
}

namespace caravan::ui {

class ApproximationPlot;
class EngineLink;
class PaneHeader;
class RunController;
class ThemedLabel;
class VerdictBox;

// How wide the adapters of a run's base would have to be to stand for FFNs tuned in full: a second model, the
// widths, the layers; then the error as curves. Goes on while the window is used; closing the dialog ends it.
// The last measurement lies in the run's folder and is shown when the dialog opens.
class ApproximationDialog : public QDialog {
    Q_OBJECT
  public:
    struct Place {
        QString run;              // folder
        QString base;             // name of the model that the run was made from
        std::int64_t layers = 0;  // of that model; 0 = not known
        QStringList models;       // dense models of the project, by path
    };
    ApproximationDialog(EngineLink* engine, RunController* runs, Place place, QWidget* parent);
    ~ApproximationDialog() override;
    void reject() override;

    [[nodiscard]] bool isWorking() const { return m_work != 0; }
    [[nodiscard]] QComboBox* tunedBox() const { return m_tuned; }
    [[nodiscard]] QLineEdit* widthsEdit() const { return m_widths; }
    [[nodiscard]] QLineEdit* layersEdit() const { return m_layers; }
    [[nodiscard]] QSpinBox* tokensBox() const { return m_tokens; }
    [[nodiscard]] QPushButton* measureButton() const { return m_measure; }
    [[nodiscard]] QPushButton* cancelButton() const { return m_cancel; }
    [[nodiscard]] ApproximationPlot* plot() const { return m_plot; }
    [[nodiscard]] widgets::ChartPane* chart() const { return m_chart; }
    [[nodiscard]] VerdictBox* verdict() const { return m_verdict; }
    [[nodiscard]] QString sentence() const;
    [[nodiscard]] QString progressWords() const;

  private:
    void makeForm(QFormLayout* form);
    [[nodiscard]] QWidget* makeChart();
    [[nodiscard]] QWidget* makeFoot();
    void readLast();
    void renew();
    [[nodiscard]] QString whyNot() const;
    void start();
    void finish(const engine::Result<engine::Approximation>& result);
    void showResult(const engine::Approximation& approximation);
    void showVerdict(const engine::Approximation& approximation);
    void showFailure(const engine::Error& error);

    EngineLink* m_engine;
    RunController* m_runs;
    Place m_place;
    QThreadPool m_thread;
    QComboBox* m_tuned;
    QLineEdit *m_widths, *m_layers;
    QSpinBox* m_tokens;
    ApproximationPlot* m_plot;
    widgets::ChartPane* m_chart;
    PaneHeader* m_chartHeader = nullptr;
    ThemedLabel* m_sentence;
    VerdictBox* m_verdict;
    ThemedLabel* m_progressWords;
    QProgressBar* m_progress;
    QPushButton *m_measure, *m_cancel;
    StageClock m_clock;
    quint64 m_work = 0;
};

}  // namespace caravan::ui
