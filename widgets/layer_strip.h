// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QVector>
#include <QWidget>

namespace caravan::widgets {

// A row of cells that are on or off, counted from 0. Click or drag toggles; arrows move, Space toggles, Home
// and End jump.
class LayerStrip : public QWidget {
    Q_OBJECT
  public:
    explicit LayerStrip(QWidget* parent = nullptr);
    void setCells(const QVector<bool>& on);  // without a signal
    [[nodiscard]] const QVector<bool>& cells() const { return m_on; }
    [[nodiscard]] int countOn() const;
    [[nodiscard]] int current() const { return m_current; }
    [[nodiscard]] QRect cellRect(int index) const;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return {120, 28}; }

  Q_SIGNALS:
    void edited(const QVector<bool>& on);  // once per click, key or finished drag

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void changeEvent(QEvent* event) override;
    bool event(QEvent* event) override;

  private:
    [[nodiscard]] int cellAt(int x) const;
    void moveTo(int index);
    void describe();
    QVector<bool> m_on;
    int m_current = 0;
    bool m_dragging = false, m_dragValue = false;
};

}  // namespace caravan::widgets
