// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

namespace caravan::ui {

// "Total [bar] 7.813 B" with the formula below. step: 0 to 2, how strong its color is.
class ParameterBar : public QWidget {
    Q_OBJECT
  public:
    ParameterBar(const QString& name, int step, QWidget* parent = nullptr);
    void set(double fraction, const QString& value, const QString& formula);
    [[nodiscard]] QString value() const { return m_value; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    QString m_name, m_value{QStringLiteral("–")}, m_formula;
    double m_fraction = 0;
    int m_step;
};

}  // namespace caravan::ui
