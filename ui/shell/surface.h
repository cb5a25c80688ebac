// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractButton>
#include <QLabel>
#include <QPushButton>
#include <QWidget>

#include "ui/theme/theme.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {

// A flat area in a token's colour with 1 px separators at the named edges.
class Surface : public QWidget {
    Q_OBJECT
  public:
    enum Edge { None = 0, Top = 1, Bottom = 2, Left = 4, Right = 8 };
    explicit Surface(Token fill, int edges = None, QWidget* parent = nullptr)
        : QWidget(parent), m_fill(fill), m_edges(edges) {}

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    Token m_fill;
    int m_edges;
};

// A label that keeps its role and its token when theme or font changes. Plain labels elide in the middle when
// short of room.
class ThemedLabel : public QLabel {
    Q_OBJECT
  public:
    explicit ThemedLabel(const QString& text = {}, widgets::TextRole role = widgets::TextRole::Body,
                         Token token = Token::Text, QWidget* parent = nullptr);
    void setToken(Token token);
    void setRole(widgets::TextRole role);

  protected:
    void changeEvent(QEvent* event) override;

  private:
    void apply();
    widgets::TextRole m_role;
    Token m_token;
    bool m_applying = false;
};

// A word that acts: accent, underlined on hover; Enter and Space press it.
class LinkButton : public QAbstractButton {
    Q_OBJECT
  public:
    explicit LinkButton(const QString& text, QWidget* parent = nullptr);
    [[nodiscard]] QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;
};

// Push button of an action: text, icon, tool tip, enabled follow it.
[[nodiscard]] QPushButton* actionButton(QAction* action, bool primary = false, QWidget* parent = nullptr);
[[nodiscard]] QPushButton* textButton(const QString& text, const QString& icon = {}, bool primary = false,
                                      QWidget* parent = nullptr);

}  // namespace caravan::ui
