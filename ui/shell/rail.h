// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QToolButton>
#include <QVBoxLayout>

#include "ui/shell/surface.h"

namespace caravan::ui {

// One page in the rail: icon over name, 76 x 56; a dot marks a live run.
class RailButton : public QToolButton {
    Q_OBJECT
  public:
    RailButton(const QString& id, const QString& text, QWidget* parent);
    void setMarked(bool marked);
    [[nodiscard]] QString id() const { return m_id; }
    [[nodiscard]] QSize sizeHint() const override { return {76, 56}; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    QString m_id;
    bool m_marked = false;
};

// The pages, groups set apart by lines. Up and Down move between them.
class Rail : public Surface {
    Q_OBJECT
  public:
    explicit Rail(QWidget* parent = nullptr);
    void addPage(const QString& id, const QString& text);
    void addSeparator();
    void addPageAtEnd(const QString& id, const QString& text);  // below the free room
    void setCurrent(const QString& id);
    void setMarked(const QString& id, bool marked);
    [[nodiscard]] RailButton* button(const QString& id) const;

  Q_SIGNALS:
    void chosen(const QString& id);

  protected:
    void keyPressEvent(QKeyEvent* event) override;

  private:
    QVBoxLayout* m_layout;
    QList<RailButton*> m_buttons;
};

}  // namespace caravan::ui
