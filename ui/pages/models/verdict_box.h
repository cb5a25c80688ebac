// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>
#include <QVector>
#include <QWidget>

#include "ui/theme/theme.h"

class QVBoxLayout;

namespace caravan::ui {

// A tinted box with a verdict and the checks behind it.
class VerdictBox : public QWidget {
    Q_OBJECT
  public:
    enum class Tone { Good, Caution, Bad, Neutral };
    struct Check {
        enum class Mark { Passed, Note, Failed } mark;
        QString text;
    };
    explicit VerdictBox(QWidget* parent = nullptr);
    // read-out: large fixed-width text at the right of the title; "" = none
    void setVerdict(Tone tone, const QString& title, const QVector<Check>& checks,
                    const QString& readOut = {});
    void setFramed(bool framed) { m_framed = framed; }
    [[nodiscard]] QString title() const { return m_title; }
    [[nodiscard]] Tone tone() const { return m_tone; }
    [[nodiscard]] QStringList texts() const;

  protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    void rebuild();
    Tone m_tone = Tone::Neutral;
    QString m_title, m_readOut;
    QVector<Check> m_checks;
    bool m_framed = false;
    QVBoxLayout* m_layout;
};

}  // namespace caravan::ui
