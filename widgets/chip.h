// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

namespace caravan::widgets {

// A small word with a ground: state tags ("Running"), facts, domains.
class Chip : public QWidget {
    Q_OBJECT

  public:
    enum class Tone { Plain, Accent, Ok, Warning, Error };
    explicit Chip(const QString& text = {}, Tone tone = Tone::Plain, QWidget* parent = nullptr);

    void setText(const QString& text);
    [[nodiscard]] const QString& text() const { return m_text; }
    void setTone(Tone tone);
    [[nodiscard]] Tone tone() const { return m_tone; }
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return sizeHint(); }

  protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    QString m_text;
    Tone m_tone;
};

// Square with the expert's colour and digit, 18 px; hatched from E8 on.
class ExpertChip : public QWidget {
    Q_OBJECT

  public:
    explicit ExpertChip(int expert = 0, QWidget* parent = nullptr);
    void setExpert(int expert);
    [[nodiscard]] int expert() const { return m_expert; }
    [[nodiscard]] QSize sizeHint() const override { return {18, 18}; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    int m_expert;
};

// For delegates and canvases.
void drawExpertChip(QPainter& painter, const QRectF& area, int expert);

}  // namespace caravan::widgets
