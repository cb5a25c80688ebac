// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <QPointer>

class QPushButton;

namespace caravan::ui {

class ThemedLabel;

// Six cards that walk a newcomer through the pages, on whatever project is open. A child overlay at the
// window's lower right; Esc ends it, the arrow keys go on and back.
class GuidedTour : public QFrame {
    Q_OBJECT
  public:
    explicit GuidedTour(QWidget* window);
    void start();
    void place();  // after the window's size changed
    [[nodiscard]] int step() const { return m_step; }
    [[nodiscard]] static int count();

  Q_SIGNALS:
    void pageWanted(const QString& pageId);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    void go(int step);  // past the last: ends, where one's own begins
    void finish();
    int m_step = 0;
    QPointer<QWidget> m_before;  // had the focus
    ThemedLabel *m_title, *m_text, *m_where;
    QPushButton *m_back, *m_next, *m_end;
};

}  // namespace caravan::ui
