// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <QTimer>
#include <functional>
#include <optional>

#include "engine/api/config/recipe.h"
#include "engine/api/step_batch.h"

class QSpinBox;
class QStackedWidget;

namespace caravan::ui {

class BatchView;
class EngineLink;
class ThemedLabel;

// What a step of a run was trained on: its rows, domains and tokens as the model saw them. The engine reads
// the run's files again; where they do not give what the step logged, that is said.
class StepBatchDialog : public QDialog {
    Q_OBJECT
  public:
    struct Run {
        QString name, folder;  // absolute
        engine::Recipe recipe;
        engine::StepIndex lastStep = 0;
        // Tokens that a step logged; 0 = not known.
        std::function<std::int64_t(engine::StepIndex)> loggedTokens;
    };
    StepBatchDialog(EngineLink* engine, Run run, QWidget* parent);
    ~StepBatchDialog() override;
    void showStep(engine::StepIndex step);

    // For tests.
    [[nodiscard]] const std::optional<engine::StepBatch>& shown() const { return m_shown; }
    [[nodiscard]] BatchView* view() const { return m_view; }
    [[nodiscard]] QSpinBox* stepBox() const { return m_step; }
    [[nodiscard]] QString factsText() const;
    [[nodiscard]] QString warningText() const;  // "" = none is shown

  private:
    void ask();
    void take(const engine::StepBatch& batch);
    void tell(const QString& words);  // instead of the batch

    EngineLink* m_engine;
    Run m_run;
    QSpinBox* m_step;
    ThemedLabel *m_of, *m_facts, *m_warning, *m_message;
    QStackedWidget* m_stack;
    BatchView* m_view;
    QTimer m_delay;  // while the number is typed
    quint64 m_request = 0;
    std::optional<engine::StepBatch> m_shown;
};

}  // namespace caravan::ui
