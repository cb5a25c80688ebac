// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QVector>
#include <QWidget>

namespace caravan::ui {

// A row of figures: name, value with a sparkline, a line below. Tiles leave from the right when short of
// room. One with a sparkline may be chosen by a click or the arrow keys: its name is underlined.
class StatisticTiles : public QWidget {
    Q_OBJECT
  public:
    struct Tile {
        QString name, value, note;
        bool warning = false;   // the note
        QVector<double> curve;  // empty: none
    };
    explicit StatisticTiles(QWidget* parent = nullptr);
    void setTiles(const QVector<Tile>& tiles);
    [[nodiscard]] const QVector<Tile>& tiles() const { return m_tiles; }
    [[nodiscard]] QString value(const QString& name) const;
    [[nodiscard]] QSize sizeHint() const override { return {600, 80}; }
    [[nodiscard]] int current() const { return m_current; }
    void setCurrent(int tile);  // ignored where there is no curve
    [[nodiscard]] QRect tileRect(int tile) const;

  Q_SIGNALS:
    void currentChanged(int tile);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;
    bool event(QEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    [[nodiscard]] int shownTiles() const;
    QVector<Tile> m_tiles;
    int m_current = 0;
};

}  // namespace caravan::ui
