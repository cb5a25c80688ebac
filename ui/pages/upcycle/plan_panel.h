// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QScrollArea>
#include <optional>

#include "engine/api/config/recipe.h"
#include "engine/api/engine.h"
#include "engine/api/run_plan.h"
#include "ui/format/stage_clock.h"

class QGridLayout;
class QProgressBar;
class QPushButton;
class QVBoxLayout;

namespace caravan::widgets {
class StackBar;
}

namespace caravan::ui {

class LinkButton;
class ParameterBar;
class ThemedLabel;
class VerdictBox;

// A change that makes the plan smaller.
struct Remedy {
    QString text;            // "Recompute every layer"
    std::int64_t saves = 0;  // bytes
    engine::Recipe recipe;
};

// What the settings mean: parameters with their formula, itemised memory, disk, time, dry step and step-0
// proof.
class PlanPanel : public QScrollArea {
    Q_OBJECT
  public:
    explicit PlanPanel(QWidget* parent = nullptr);
    void showPlan(const engine::RunPlan& plan, const engine::Recipe& recipe,
                  const engine::ModelConfig* model);
    void showDevice(const engine::DeviceStatus& device);
    void setDiskFree(std::int64_t bytes);
    void setOutdated(bool outdated);  // numbers of the settings before; gray until the answer comes
    void showRemedies(const QVector<Remedy>& remedies);
    // stale: the settings have changed since
    void showDryStep(const std::optional<engine::DryStep>& step, bool stale);
    void showProof(const std::optional<engine::StepZeroProof>& proof, bool stale,
                   engine::UpcycleMethod method);
    void showWork(const QString& what, const std::optional<engine::Progress>& progress);  // "" = none
    void showError(const QString& sentence);  // of the last dry step or proof; "" clears
    // Why no dry step can be measured now, beside its button; "" = it can. offerData: choosing data helps.
    void showDryNeed(const QString& sentence, bool offerData);
    [[nodiscard]] QString dryNeed() const;  // as shown; "" = nothing is
    [[nodiscard]] bool fits() const;
    [[nodiscard]] QPushButton* dryButton() const { return m_dry; }
    [[nodiscard]] QPushButton* proofButton() const { return m_prove; }
    [[nodiscard]] VerdictBox* proofBox() const { return m_proof; }
    [[nodiscard]] QString totalText() const;  // parameters in all
    [[nodiscard]] QString memoryTotalText() const;

  Q_SIGNALS:
    void remedyChosen(const caravan::ui::Remedy& remedy);
    void cancelWanted();
    void dataWanted();

  private:
    void makeParameters();
    void makeMemory();
    void makeDiskAndTime();
    void makeProof();
    void renewMemory();
    void renewTime();
    [[nodiscard]] ThemedLabel* value(QGridLayout* grid, int row, const QString& name);

    QVBoxLayout* m_layout;
    ParameterBar *m_total, *m_active, *m_trainable;
    widgets::StackBar* m_bar;
    ThemedLabel *m_memoryNote, *m_scaleLeft, *m_scaleRight, *m_planTotal, *m_measured, *m_measuredName,
        *m_over;
    QVBoxLayout *m_items, *m_remedies;
    ThemedLabel *m_checkpoint, *m_kept, *m_free, *m_stepTime, *m_steps, *m_throughput, *m_stepsName;
    VerdictBox* m_proof;
    StageClock m_clock;
    ThemedLabel *m_work, *m_error, *m_dryNeed;
    LinkButton* m_chooseData;
    QProgressBar* m_progress;
    QWidget *m_workRow, *m_needRow;
    QPushButton *m_dry, *m_prove, *m_cancel;
    engine::RunPlan m_plan;
    engine::DeviceStatus m_device;
    std::optional<engine::DryStep> m_dryStep;
    bool m_dryStale = false, m_known = false;
};

}  // namespace caravan::ui
