// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPainter>
#include <QRect>
#include <QStyleOption>

#include "widgets/theme_colors.h"

// The drawing of single controls, shared by the parts of CaravanStyle.
namespace caravan::ui::stylepaint {

inline constexpr double kRadius = 4.0;

void box(QPainter* painter, const QRectF& rect, const QColor& fill, const QColor& border, double width = 1.0,
         double radius = kRadius);
void chevron(QPainter* painter, const QRectF& rect, bool up, const QColor& color);
void button(QPainter* painter, const QStyleOptionButton* option, const QWidget* widget);
void buttonLabel(QPainter* painter, const QStyleOptionButton* option, const QWidget* widget);
void toolButtonPanel(QPainter* painter, const QStyleOption* option, const QWidget* widget);
void field(QPainter* painter, const QStyleOption* option, const QWidget* widget);
void checkBox(QPainter* painter, const QStyleOption* option);
void radioButton(QPainter* painter, const QStyleOption* option);
void slider(QPainter* painter, const QStyleOptionSlider* option, const QRect& groove, const QRect& handle);
void scrollBar(QPainter* painter, const QStyleOptionSlider* option, const QRect& handle);
void menuItem(QPainter* painter, const QStyleOptionMenuItem* option, const QWidget* widget);
void menuBarItem(QPainter* painter, const QStyleOptionMenuItem* option, const QWidget* widget);
void headerSection(QPainter* painter, const QStyleOptionHeader* option);
void progressBar(QPainter* painter, const QStyleOptionProgressBar* option);
void tab(QPainter* painter, const QStyleOptionTab* option);
void itemRow(QPainter* painter, const QStyleOptionViewItem* option);

// Tables with the property "padded": text of the outer columns stands 16 px from the edges, 8 more than in
// others.
constexpr int kPadding = 8;
[[nodiscard]] bool isPadded(const QWidget* widget);
[[nodiscard]] QRect paddedRect(const QRect& rect, bool first, bool last);

}  // namespace caravan::ui::stylepaint
