// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QProxyStyle>

class QPushButton;

namespace caravan::ui {

// Fusion with flat controls (ui.md section 11). Dynamic properties of widgets that it reads:
//   "primary" (QPushButton): the one accent button of a page
//   "primaryYields" (a window): its pages' primary buttons are plain while a message offers what to do first
//   "primaryStays"  (those messages): theirs are not
//   "invalid" (fields): 2 px error border
//   "quiet"   (buttons): no border until hovered
class CaravanStyle : public QProxyStyle {
    Q_OBJECT
  public:
    CaravanStyle();
    void drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                       const QWidget* widget) const override;
    void drawControl(ControlElement element, const QStyleOption* option, QPainter* painter,
                     const QWidget* widget) const override;
    void drawComplexControl(ComplexControl control, const QStyleOptionComplex* option, QPainter* painter,
                            const QWidget* widget) const override;
    QRect subControlRect(ComplexControl control, const QStyleOptionComplex* option, SubControl part,
                         const QWidget* widget) const override;
    QRect subElementRect(SubElement element, const QStyleOption* option,
                         const QWidget* widget) const override;
    QSize sizeFromContents(ContentsType type, const QStyleOption* option, const QSize& size,
                           const QWidget* widget) const override;
    int pixelMetric(PixelMetric metric, const QStyleOption* option, const QWidget* widget) const override;
    int styleHint(StyleHint hint, const QStyleOption* option, const QWidget* widget,
                  QStyleHintReturn* returnData) const override;
    QIcon standardIcon(StandardPixmap icon, const QStyleOption* option, const QWidget* widget) const override;
    void polish(QWidget* widget) override;
    void unpolish(QWidget* widget) override;
    bool eventFilter(QObject* watched, QEvent* event) override;
    using QProxyStyle::polish;
    using QProxyStyle::unpolish;
};

void setPrimary(QPushButton* button, bool primary = true);
// Is to be drawn as the primary one: it is, and nothing more urgent stands in its window.
[[nodiscard]] bool isPrimary(const QWidget* button);
// Whether the messages of a window hold the primary button, so that the page's is plain.
void setPrimaryYields(QWidget* window, bool yields);
void setQuiet(QWidget* button);
void setInvalid(QWidget* field, bool invalid);

}  // namespace caravan::ui
