// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <map>
#include <set>
#include <vector>

#include "ui/pages/chat/answer_measure.h"
#include "ui/pages/chat/steer_model.h"

class QGridLayout;
class QLabel;
class QPushButton;
class QSpinBox;

namespace caravan::widgets {
class Segmented;
}

namespace caravan::ui {

class SteerRow;
class ThemedLabel;

// Mutes, forces and biases experts in the shown layer or in all, and sets k; shows what muting each of them
// would change in the answer. The change counts for every answer from now on until it is reset.
class SteerPanel : public QWidget {
    Q_OBJECT
  public:
    explicit SteerPanel(QWidget* parent = nullptr);
    void setModel(const SteerModel& model);
    [[nodiscard]] const SteerModel& model() const { return m_model; }
    void setLayer(int row);  // among the sparse layers
    void setChange(const engine::RouterChange& change);
    [[nodiscard]] const engine::RouterChange& change() const { return m_change; }
    [[nodiscard]] QString problem() const { return steerProblem(m_change, m_model); }
    // The layer that edits go to; -1 = all.
    [[nodiscard]] std::int64_t scope() const;
    // Experts with a row: all up to 16; above, the changed ones, those used most, and those asked for.
    [[nodiscard]] std::vector<std::int64_t> shown() const;
    void setMostUsed(const std::vector<int>& experts);

    void setMeasured(const AnswerChange& change);
    void setToken(int token);  // of the measured answer; -1: none is chosen
    void clearMeasured();
    void setProgress(qint64 done, qint64 total);  // total 0: not measuring
    void setFailure(const QString& words);        // of the last measurement
    void setReady(bool ready, quint64 seed);      // there is an answer to regenerate and measure
    void toggleMute(int expert);                  // -1: the row that has the focus
    void editBias(int expert);
    [[nodiscard]] QString rowText(int expert) const;  // for tests and screen readers

  Q_SIGNALS:
    void changed();
    void regenerate();
    void measure();
    void cancelMeasure();

  private:
    QLayout* makeHead();
    QLayout* makeChoices();
    QWidget* makeRows();
    QWidget* makeFooter();
    void connectFields();
    void rebuild();
    void showRows();
    void showDeltas();
    void showState();
    void take(int expert);  // a row was edited
    [[nodiscard]] SteerRow* focused() const;

    SteerModel m_model;
    engine::RouterChange m_change;
    AnswerChange m_measured;
    int m_token = -1;
    int m_layer = 0;
    bool m_ready = false, m_measuring = false;
    QString m_told;  // progress or failure of a measurement
    std::set<int> m_used, m_wanted;
    widgets::Segmented* m_scope;
    QSpinBox* m_active;
    QSpinBox* m_find;
    QWidget* m_findBox;
    QPushButton* m_reset;
    QPushButton* m_regenerate;
    QPushButton* m_measure;
    ThemedLabel* m_words;
    ThemedLabel* m_note;
    QGridLayout* m_grid;
    std::map<int, SteerRow*> m_rows;  // by expert
};

}  // namespace caravan::ui
