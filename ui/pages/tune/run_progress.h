// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QVector>
#include <QWidget>

namespace caravan::ui {

// 44 px bar under the header: percent, bar with checkpoint ticks, facts. Facts leave from the right when
// short of room.
class RunProgress : public QWidget {
    Q_OBJECT
  public:
    enum class Tone { Running, Paused, Done, Failed };
    struct Fact {
        QString label, value;
    };
    explicit RunProgress(QWidget* parent = nullptr);
    void setProgress(double fraction, Tone tone);  // < 0: not known
    void setTicks(const QVector<double>& fractions);
    void setFacts(const QVector<Fact>& facts);
    [[nodiscard]] const QVector<Fact>& facts() const { return m_facts; }
    [[nodiscard]] double fraction() const { return m_fraction; }
    [[nodiscard]] QString fact(const QString& label) const;
    [[nodiscard]] QSize sizeHint() const override { return {600, 44}; }

  protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    void describe();
    double m_fraction = -1;
    Tone m_tone = Tone::Running;
    QVector<double> m_ticks;
    QVector<Fact> m_facts;
};

}  // namespace caravan::ui
