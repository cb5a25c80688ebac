// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <array>

#include "engine/api/engine.h"

class QDoubleSpinBox;
class QGridLayout;
class QLabel;
class QToolButton;
class QWidget;

namespace caravan::widgets {
class ExpertChip;
}

namespace caravan::ui {

class ThemedLabel;

// The widgets of one expert in the steer panel's grid: chip, normal / mute / force, bias, two changes.
class SteerRow : public QObject {
    Q_OBJECT
  public:
    SteerRow(int expert, QGridLayout* grid, int row, QWidget* parent);
    void remove();  // the row leaves the grid and is gone; with the panel its widgets go by themselves
    void set(engine::SteerExpert::Use use, double bias);  // without a signal
    [[nodiscard]] engine::SteerExpert::Use use() const;
    [[nodiscard]] double bias() const;
    void setDeltas(const QString& token, const QString& answer);
    [[nodiscard]] bool hasFocus() const;
    void focusBias();
    [[nodiscard]] QString text() const;

  Q_SIGNALS:
    void edited();

  private:
    int m_expert;
    widgets::ExpertChip* m_chip;
    QWidget* m_switch;
    std::array<QToolButton*, 3> m_uses{};
    QDoubleSpinBox* m_bias;
    ThemedLabel* m_token;
    ThemedLabel* m_answer;
};

}  // namespace caravan::ui
