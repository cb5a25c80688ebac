// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractListModel>
#include <QWidget>
#include <vector>

#include "engine/api/run_events.h"

class QListView;
class QStackedWidget;

namespace caravan::ui {

class SamplesTable;
class ThemedLabel;

// Answers to one fixed prompt, newest first.
class SamplesModel : public QAbstractListModel {
    Q_OBJECT
  public:
    enum Roles { StepRole = Qt::UserRole, TextRole };
    using QAbstractListModel::QAbstractListModel;
    // Rows that stay keep their index where they can: new answers are inserted at the top.
    void setSamples(const std::vector<engine::Sample>& samples, const std::string& prompt);
    // Only steps in [first, last]; last < first = all.
    void setWindow(engine::StepIndex first, engine::StepIndex last);
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;

  private:
    void rebuild(std::vector<engine::Sample> rows);
    std::vector<engine::Sample> m_all, m_rows;
    engine::StepIndex m_first = 0, m_last = -1;
};

// Samples of the run by prompt: a list to read down, newest first.
class SamplesView : public QWidget {
    Q_OBJECT
  public:
    explicit SamplesView(QWidget* parent = nullptr);
    void setSamples(const std::vector<engine::Sample>& samples);
    void setWindow(engine::StepIndex first, engine::StepIndex last);
    void showTable(bool shown);  // all prompts at one step, instead of all steps of one prompt
    void showStep(engine::StepIndex step);
    [[nodiscard]] bool isTableShown() const { return m_asTable; }
    [[nodiscard]] SamplesTable* table() const { return m_table; }
    void setEmptyText(const QString& text);
    void nextPrompt();
    [[nodiscard]] int promptCount() const { return static_cast<int>(m_prompts.size()); }
    [[nodiscard]] QString promptText() const;
    [[nodiscard]] SamplesModel* model() const { return m_model; }
    [[nodiscard]] QListView* list() const { return m_list; }

  Q_SIGNALS:
    void promptChanged();

  private:
    std::vector<engine::Sample> m_samples;
    std::vector<std::string> m_prompts;
    std::size_t m_prompt = 0;
    bool m_asTable = false;
    SamplesTable* m_table;
    SamplesModel* m_model;
    QListView* m_list;
    QStackedWidget* m_stack;
    ThemedLabel* m_empty;
};

}  // namespace caravan::ui
