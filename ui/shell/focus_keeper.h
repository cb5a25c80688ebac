// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QObject>
#include <QPointer>
#include <QWidget>

namespace caravan::ui {

// Keyboard focus across pages: a page that is entered again has the focus where it was left. And Qt passes
// the focus of a widget that is hidden or disabled to the next in the chain, which would draw a ring, often
// in the rail, that nobody asked for: after a click or a shortcut it goes to the page itself instead.
class FocusKeeper : public QObject {
    Q_OBJECT
  public:
    explicit FocusKeeper(QWidget* window);
    void leave(QWidget* page);  // before it is hidden
    void enter(QWidget* page);  // shown, and after it has chosen its own

  protected:
    bool eventFilter(QObject* object, QEvent* event) override;

  private:
    void bringHome();

    QWidget* m_window;
    QPointer<QWidget> m_page;
    QPointer<QWidget> m_strayed;                      // what Qt passed the focus to
    QHash<const QWidget*, QPointer<QWidget>> m_left;  // where the focus was in each page
    bool m_walking = false;                           // the last input was a key that moves the focus
};

}  // namespace caravan::ui
