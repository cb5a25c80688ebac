// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPainter>
#include <QString>

namespace caravan::widgets {

// 45 degree strokes clipped to `area`: Qt's hatch brushes do not scale and the SVG writer drops them.
void drawHatch(QPainter& painter, const QRectF& area, const QColor& color, double spacing = 6.0,
               double width = 2.0);
// Mark of experts 8 to 15, of overflow and of dead cells.
enum class Fill { Solid, Hatched, Outlined };
// How a bar of domain number `index` is filled (ui.md section 2); repeats after three.
[[nodiscard]] Fill domainFill(int index);
void drawBar(QPainter& painter, const QRectF& area, const QColor& color, Fill fill);
// Dash pattern of domain or run number `index`, in units of the pen width; empty = solid.
[[nodiscard]] QVector<qreal> dashPattern(int index, double penWidth);
enum class Marker { None, Circle, Square, Triangle, Diamond };
[[nodiscard]] Marker domainMarker(int index);
void drawMarker(QPainter& painter, Marker marker, QPointF center, double radius, const QColor& line,
                const QColor& fill);
// Selection inside a data canvas: 2 px text outline with a 2 px base halo.
void drawCellSelection(QPainter& painter, const QRectF& cell);
// Focus ring of own-drawn controls: 2 px accent inside `area`.
void drawFocusRing(QPainter& painter, const QRectF& area, double radius = 4.0);
[[nodiscard]] QColor mixed(const QColor& base, const QColor& over, double share);
[[nodiscard]] QPen hairline(const QColor& color, double width = 1.0);

}  // namespace caravan::widgets
