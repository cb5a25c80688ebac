// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <QWidget>
#include <vector>

#include "engine/api/run_events.h"

class QSlider;
class QTableView;

namespace caravan::ui {

class ThemedLabel;

// Every prompt with its answer at one step.
class SamplesAtStep : public QAbstractTableModel {
    Q_OBJECT
  public:
    using QAbstractTableModel::QAbstractTableModel;
    void setSamples(std::vector<engine::Sample> rows);
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  private:
    std::vector<engine::Sample> m_rows;
};

// The answers to all prompts as a table; a slider goes through the steps at which they were taken. Left at
// its end it follows the newest.
class SamplesTable : public QWidget {
    Q_OBJECT
  public:
    explicit SamplesTable(QWidget* parent = nullptr);
    void setSamples(const std::vector<engine::Sample>& samples);
    void setWindow(engine::StepIndex first, engine::StepIndex last);  // last < first: all
    void showStep(engine::StepIndex step);                            // the newest not after it
    [[nodiscard]] engine::StepIndex step() const;                     // shown; -1 = none
    [[nodiscard]] const std::vector<engine::StepIndex>& steps() const { return m_steps; }
    [[nodiscard]] SamplesAtStep* model() const { return m_model; }
    [[nodiscard]] QSlider* slider() const { return m_slider; }

  private:
    void renew();
    void showCurrent();

    std::vector<engine::Sample> m_samples;
    std::vector<engine::StepIndex> m_steps;
    engine::StepIndex m_first = 0, m_last = -1;
    SamplesAtStep* m_model;
    QTableView* m_table;
    QSlider* m_slider;
    ThemedLabel* m_label;
};

}  // namespace caravan::ui
