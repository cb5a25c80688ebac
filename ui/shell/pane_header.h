// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDockWidget>
#include <QToolButton>

#include "ui/shell/surface.h"

class QHBoxLayout;

namespace caravan::ui {

// One line that ends in an ellipsis when short of room; the whole text on hover.
class ElidedLabel : public ThemedLabel {
    Q_OBJECT
  public:
    ElidedLabel(widgets::TextRole role, Token token, Qt::TextElideMode mode = Qt::ElideRight,
                QWidget* parent = nullptr);

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    Qt::TextElideMode m_mode;
};

// 36 px head of a pane or dock: bold title, gray context, tools at the right.
class PaneHeader : public QWidget {
    Q_OBJECT
  public:
    explicit PaneHeader(const QString& title, QWidget* parent = nullptr);
    void setTitle(const QString& title);
    void setContext(const QString& context);
    [[nodiscard]] QString context() const;
    void addLeft(QWidget* widget);    // before the title
    void addWidget(QWidget* widget);  // at the right, in order, before those of addLast()
    void addLast(QWidget* widget);
    QToolButton* addAction(QAction* action);
    // A button that shows a menu of the actions.
    QToolButton* addMenu(const QList<QAction*>& actions);
    [[nodiscard]] QSize sizeHint() const override {
        return {QWidget::sizeHint().width(), 36};
    }  // what a dock asks for
    [[nodiscard]] QSize minimumSizeHint() const override { return {QWidget::minimumSizeHint().width(), 36}; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    QHBoxLayout* m_row;
    ThemedLabel* m_title;
    ElidedLabel* m_context;
    int m_last = 0;
};

// A dock with a PaneHeader: float button, menu; the page's name in its window title when it floats.
class Pane : public QDockWidget {
    Q_OBJECT
  public:
    // room: what the content opens in; the user may resize it
    Pane(const QString& id, const QString& title, QWidget* content, QSize room, QWidget* parent);
    [[nodiscard]] PaneHeader* header() const { return m_header; }

  private:
    PaneHeader* m_header;
};

// 24 px tool button with an icon of resources/icons; keeps its color when the theme changes.
[[nodiscard]] QToolButton* iconButton(const QString& icon, const QString& text, QWidget* parent = nullptr);

}  // namespace caravan::ui
