// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <vector>

#include "engine/api/engine.h"

class QDoubleSpinBox;
class QPlainTextEdit;
class QSpinBox;

namespace caravan::ui {

// Sampling settings and the system prompt, in a popup under its button.
class SamplingPanel : public QFrame {
    Q_OBJECT
  public:
    explicit SamplingPanel(QWidget* parent = nullptr);
    [[nodiscard]] engine::GenerateOptions options() const;
    void setOptions(const engine::GenerateOptions& options);
    void setSystem(const QString& text);
    [[nodiscard]] QString summary() const;  // "Temperature 0.7 · Top-p 0.95 · Seed 7"

  Q_SIGNALS:
    void changed();
    void systemChanged(const QString& text);

  private:
    QDoubleSpinBox* m_temperature;
    QDoubleSpinBox* m_topP;
    QSpinBox* m_topK;
    QDoubleSpinBox* m_repetition;
    QSpinBox* m_maxTokens;
    QSpinBox* m_seed;
    QPlainTextEdit* m_stop;
    QPlainTextEdit* m_system;
};

// Chips of the experts with their share of the shown answer's tokens; hover or focus lights an expert's
// tokens.
class ExpertLegend : public QWidget {
    Q_OBJECT
  public:
    explicit ExpertLegend(QWidget* parent = nullptr);
    void setShares(const std::vector<std::pair<int, double>>& shares);  // expert, share 0 .. 1
    [[nodiscard]] QString text() const;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return {80, 28}; }

  Q_SIGNALS:
    void highlighted(int expert);  // -1: none

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

  private:
    [[nodiscard]] QRect chipRect(int index) const;
    [[nodiscard]] int fitting() const;
    void highlight(int index);

    std::vector<std::pair<int, double>> m_shares;
    int m_current = -1;
};

}  // namespace caravan::ui
