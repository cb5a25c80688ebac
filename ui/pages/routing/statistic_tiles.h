// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QVector>
#include <QWidget>

namespace caravan::ui {

// A row of figures: name, value with a sparkline, a line below. Tiles leave from the right when short of
// room.
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

  protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;
    bool event(QEvent* event) override;

  private:
    [[nodiscard]] int shownTiles() const;
    QVector<Tile> m_tiles;
};

}  // namespace caravan::ui
