// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>
#include <QWidget>

namespace caravan::widgets {

// One choice out of a few in one frame (28 px high). Arrow keys move; it becomes a combo box through
// setCompact().
class Segmented : public QWidget {
    Q_OBJECT
    Q_PROPERTY(int current READ current WRITE setCurrent NOTIFY currentChanged USER true)

  public:
    explicit Segmented(QWidget* parent = nullptr);
    explicit Segmented(const QStringList& segments, QWidget* parent = nullptr);

    void setSegments(const QStringList& segments);  // keeps the choice if its text is still there
    [[nodiscard]] const QStringList& segments() const { return m_segments; }
    [[nodiscard]] int current() const { return m_current; }
    [[nodiscard]] QString currentText() const { return m_segments.value(m_current); }
    void setCurrent(int index);
    void setSegmentToolTip(int index, const QString& text);
    void setCompact(bool compact);  // narrow windows: drawn as a combo box
    [[nodiscard]] bool isCompact() const { return m_compact; }
    [[nodiscard]] QRect segmentRect(int index) const;

    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return sizeHint(); }

  Q_SIGNALS:
    void currentChanged(int index);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void changeEvent(QEvent* event) override;
    bool event(QEvent* event) override;

  private:
    [[nodiscard]] int segmentAt(QPoint position) const;
    [[nodiscard]] QFont segmentFont(bool checked) const;
    void openMenu();
    void paintCompact(QPainter& painter);
    void announce();

    QStringList m_segments, m_toolTips;
    int m_current = 0;
    int m_hovered = -1;
    bool m_compact = false;
};

}  // namespace caravan::widgets
