// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/routing_view.h"
#include "ui/shell/surface.h"

class QComboBox;
class QSpinBox;
class QToolButton;

namespace caravan::ui {

// 44 px: the run and the step that the map is compared with.
class CompareBar : public Surface {
    Q_OBJECT
  public:
    struct Choice {
        QString name, folder;
    };
    explicit CompareBar(QWidget* parent = nullptr);
    void setRuns(const QVector<Choice>& runs,
                 const QString& current);         // keeps the choice if it is still there
    void setSteps(const QVector<qint64>& steps);  // where one can go
    void setStep(qint64 step);
    void setNote(const QString& note, bool warning);
    [[nodiscard]] QString folder() const;
    [[nodiscard]] QComboBox* runs() const { return m_runs; }
    [[nodiscard]] QSpinBox* step() const { return m_step; }
    [[nodiscard]] QString note() const { return m_note->text(); }

  Q_SIGNALS:
    void runChosen(const QString& folder);
    void stepChosen(qint64 step);
    void closed();

  private:
    QComboBox* m_runs;
    QSpinBox* m_step;
    ThemedLabel* m_note;
};

// The first view's load over the second's, cell by cell; both need the same layers and experts, else empty.
// No statistics, no dead experts. NaN where one of them is not known or the second is 0.
[[nodiscard]] RoutingView ratioOf(const RoutingView& view, const RoutingView& other);

}  // namespace caravan::ui
