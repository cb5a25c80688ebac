// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>

#include "ui/shell/surface.h"

class QComboBox;
class QPushButton;

namespace caravan::ui {

class ElidedLabel;

// 44 px bar under the header while something runs or waits: what waits, starting it, and what to do when all
// is done. The choice is of this session only: it must not surprise anybody next week.
class QueueBar : public Surface {
    Q_OBJECT
  public:
    enum class EndAction { Nothing, Close, Command };
    explicit QueueBar(QWidget* parent = nullptr);

    // waiting: names in order; live: a run is on, so that the first of them starts by itself
    void setQueue(const QStringList& waiting, bool live, bool usable);
    [[nodiscard]] EndAction endAction() const { return m_action; }
    [[nodiscard]] QString command() const { return m_command; }
    void setEndAction(EndAction action, const QString& command = {});
    [[nodiscard]] QPushButton* startButton() const { return m_start; }
    [[nodiscard]] QComboBox* endBox() const { return m_end; }
    [[nodiscard]] QString text() const;

  Q_SIGNALS:
    void startRequested();

  private:
    void chosen(int index);

    ElidedLabel* m_text;
    QPushButton* m_start;
    QComboBox* m_end;
    EndAction m_action = EndAction::Nothing;
    QString m_command;
};

}  // namespace caravan::ui
