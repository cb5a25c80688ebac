// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>
#include <QWidget>
#include <vector>

namespace caravan::widgets {

// What changed per token, as bars up and down from a line: log-probability differences in nats. Values that
// are not finite are gaps. Arrow keys and clicks walk the tokens.
class DeltaStrip : public QWidget {
    Q_OBJECT
  public:
    explicit DeltaStrip(QWidget* parent = nullptr);
    // names: the tokens' texts. expert: whose hue the bars have, -1 = ink.
    void setDeltas(std::vector<double> deltas, QStringList names, int expert = -1);
    void setStale(bool stale);  // gray: made before something was changed
    [[nodiscard]] bool isStale() const { return m_stale; }
    [[nodiscard]] int count() const { return static_cast<int>(m_deltas.size()); }
    [[nodiscard]] double delta(int token) const { return m_deltas[static_cast<std::size_t>(token)]; }
    [[nodiscard]] double mean() const;            // of the finite ones; 0 if there are none
    [[nodiscard]] int largest() const;            // the token that changed most, or -1
    [[nodiscard]] int tokenAt(int x) const;       // -1: beside the bars
    [[nodiscard]] QString text(int token) const;  // "“return” −1.62"
    [[nodiscard]] int selected() const { return m_selected; }
    void select(int token);  // without a signal

    [[nodiscard]] QSize sizeHint() const override { return {400, 56}; }
    [[nodiscard]] QSize minimumSizeHint() const override { return {120, 56}; }

  Q_SIGNALS:
    void tokenChosen(int token);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool event(QEvent* event) override;

  private:
    [[nodiscard]] double step() const;  // px per token
    void choose(int token);

    std::vector<double> m_deltas;
    QStringList m_names;
    int m_expert = -1;
    int m_selected = -1;
    bool m_stale = false;
};

}  // namespace caravan::widgets
