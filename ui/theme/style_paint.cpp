// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/style_paint.h"

#include <QPainterPath>
#include <QStyle>
#include <QWidget>

#include "ui/theme/style.h"

namespace caravan::ui::stylepaint {
namespace {

const widgets::ThemeColors& c() {
    return widgets::themeColors();
}
bool enabled(const QStyleOption* option) {
    return option->state & QStyle::State_Enabled;
}
bool hovered(const QStyleOption* option) {
    return enabled(option) && (option->state & QStyle::State_MouseOver);
}
bool sunken(const QStyleOption* option) {
    return enabled(option) && (option->state & QStyle::State_Sunken);
}
bool has(const QWidget* widget, const char* property) {
    return widget && widget->property(property).toBool();
}
QColor mix(const QColor& a, const QColor& b, double t) {
    return widgets::mixOklab(a, b, t);
}

}  // namespace

void box(QPainter* painter, const QRectF& rect, const QColor& fill, const QColor& border, double width,
         double radius) {
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(border.isValid() ? QPen(border, width) : QPen(Qt::NoPen));
    painter->setBrush(fill.isValid() ? QBrush(fill) : QBrush(Qt::NoBrush));
    const double inset = border.isValid() ? width / 2 : 0;
    painter->drawRoundedRect(rect.adjusted(inset, inset, -inset, -inset), radius - inset, radius - inset);
    painter->restore();
}

void chevron(QPainter* painter, const QRectF& rect, bool up, const QColor& color) {
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(QPen(color, 1.3, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
    const QPointF m = rect.center();
    const double w = rect.width() / 2, h = w * (up ? -0.85 : 0.85);
    painter->drawPolyline(
        QPolygonF({m + QPointF(-w, -h / 2), m + QPointF(0, h / 2), m + QPointF(w, -h / 2)}));
    painter->restore();
}

void button(QPainter* painter, const QStyleOptionButton* option, const QWidget* widget) {
    const bool quiet = has(widget, "quiet") || (option->features & QStyleOptionButton::Flat);
    if (isPrimary(widget) && enabled(option)) {
        const QColor fill = sunken(option)    ? mix(c().accent, c().base, 0.15)
                            : hovered(option) ? c().accentHover
                                              : c().accent;
        return box(painter, option->rect, fill, fill);
    }
    const bool on = option->state & QStyle::State_On;
    QColor fill = quiet ? QColor() : c().raised;
    if (on)
        fill = c().soft;
    else if (sunken(option))
        fill = mix(c().hover, c().text, 0.06);
    else if (hovered(option))
        fill = c().hover;
    QColor border = quiet ? QColor() : enabled(option) ? c().btnline : c().line;
    if (on) border = c().accent;
    box(painter, option->rect, fill, border);
}

void buttonLabel(QPainter* painter, const QStyleOptionButton* option, const QWidget* widget) {
    const bool primary = isPrimary(widget) && enabled(option);
    const QColor ink = !enabled(option)                     ? c().text3
                       : primary                            ? c().onAccent
                       : (option->state & QStyle::State_On) ? c().accent
                                                            : c().text;
    painter->save();
    QFont font = painter->font();
    if (primary) font.setWeight(QFont::DemiBold);
    painter->setFont(font);
    const QFontMetrics metrics(font);
    const int gap = option->icon.isNull() || option->text.isEmpty() ? 0 : 8;
    const int iconWidth = option->icon.isNull() ? 0 : option->iconSize.width();
    const int flags = Qt::TextShowMnemonic | Qt::TextSingleLine;
    const int textWidth = metrics.size(flags, option->text).width();
    int x = option->rect.center().x() - (iconWidth + gap + textWidth) / 2 + 1;
    x = std::max(x, option->rect.left() + 4);
    if (iconWidth) {
        const QRect iconRect(x, option->rect.center().y() - iconWidth / 2 + 1, iconWidth, iconWidth);
        const QPixmap pixmap = option->icon.pixmap(iconRect.size(), painter->device()->devicePixelRatioF(),
                                                   enabled(option) ? QIcon::Normal : QIcon::Disabled);
        if (primary) {  // one-colour icon on the accent
            QPixmap tinted = pixmap;
            QPainter tint(&tinted);
            tint.setCompositionMode(QPainter::CompositionMode_SourceIn);
            tint.fillRect(tinted.rect(), ink);
            tint.end();
            painter->drawPixmap(iconRect, tinted);
        } else {
            painter->drawPixmap(iconRect, pixmap);
        }
        x += iconWidth + gap;
    }
    painter->setPen(ink);
    const QRect textRect(x, option->rect.top(), option->rect.right() - x + 1, option->rect.height());
    painter->drawText(textRect, Qt::AlignVCenter | Qt::AlignLeft | flags, option->text);
    painter->restore();
}

void toolButtonPanel(QPainter* painter, const QStyleOption* option, const QWidget* widget) {
    const bool on = option->state & QStyle::State_On;
    const bool framed = has(widget, "framed");
    QColor fill = framed ? c().raised : QColor();
    if (on)
        fill = c().soft;
    else if (sunken(option))
        fill = mix(c().hover, c().text, 0.06);
    else if (hovered(option))
        fill = c().hover;
    if (fill.isValid() || framed) box(painter, option->rect, fill, framed ? c().btnline : QColor());
}

void field(QPainter* painter, const QStyleOption* option, const QWidget* widget) {
    const bool focus = option->state & QStyle::State_HasFocus;
    if (has(widget, "invalid")) return box(painter, option->rect, c().raised, c().err, 2);
    if (!enabled(option)) return box(painter, option->rect, c().base, c().line);
    box(painter, option->rect, c().raised, focus ? c().accent : hovered(option) ? c().text3 : c().ctl);
}

void checkBox(QPainter* painter, const QStyleOption* option) {
    const QRectF rect(option->rect.x(), option->rect.center().y() - 7, 16, 16);
    const bool on = option->state & (QStyle::State_On | QStyle::State_NoChange);
    if (!on)
        return box(painter, rect, enabled(option) ? c().raised : c().base,
                   enabled(option) ? c().ctl : c().line, 1, 3);
    const QColor fill = !enabled(option) ? c().text3 : hovered(option) ? c().accentHover : c().accent;
    box(painter, rect, fill, fill, 1, 3);
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(QPen(c().onAccent, 1.8, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
    const QPointF o = rect.topLeft();
    if (option->state & QStyle::State_NoChange)
        painter->drawLine(o + QPointF(4, 8), o + QPointF(12, 8));
    else
        painter->drawPolyline(QPolygonF({o + QPointF(4, 8.2), o + QPointF(7, 11), o + QPointF(12, 5)}));
    painter->restore();
}

void radioButton(QPainter* painter, const QStyleOption* option) {
    const QRectF rect(option->rect.x(), option->rect.center().y() - 7, 16, 16);
    const bool on = option->state & QStyle::State_On;
    const QColor fill = on ? (enabled(option) ? c().accent : c().text3) : c().raised;
    box(painter, rect, fill, on ? fill : enabled(option) ? c().ctl : c().line, 1, 8);
    if (on) box(painter, rect.adjusted(5, 5, -5, -5), c().onAccent, QColor(), 1, 3);
}

void slider(QPainter* painter, const QStyleOptionSlider* option, const QRect& groove, const QRect& handle) {
    const bool flat = option->orientation == Qt::Horizontal;
    QRectF line = flat ? QRectF(groove.x(), groove.center().y() - 1, groove.width(), 4)
                       : QRectF(groove.center().x() - 1, groove.y(), 4, groove.height());
    box(painter, line, c().line, QColor(), 1, 2);
    if (flat)
        line.setRight(handle.center().x());
    else
        line.setTop(handle.center().y());
    box(painter, line, enabled(option) ? c().accent : c().text3, QColor(), 1, 2);
    const QRectF knob(handle.center().x() - 6.5, handle.center().y() - 6.5, 14, 14);
    box(painter, knob, c().raised,
        enabled(option) ? (hovered(option) ? c().accentHover : c().accent) : c().ctl, 2, 7);
}

void scrollBar(QPainter* painter, const QStyleOptionSlider* option, const QRect& handle) {
    if (option->maximum <= option->minimum) return;
    const bool active = (option->activeSubControls & QStyle::SC_ScrollBarSlider) && hovered(option);
    const QColor color = active || sunken(option) ? c().text3 : c().btnline;
    const QRectF bar = option->orientation == Qt::Vertical ? QRectF(handle).adjusted(3, 1, -3, -1)
                                                           : QRectF(handle).adjusted(1, 3, -1, -3);
    box(painter, bar, color, QColor(), 1, std::min(bar.width(), bar.height()) / 2);
}

void menuBarItem(QPainter* painter, const QStyleOptionMenuItem* option, const QWidget*) {
    if (enabled(option) && (option->state & (QStyle::State_Selected | QStyle::State_Sunken)))
        box(painter, QRectF(option->rect).adjusted(0, 4, 0, -4), c().hover, QColor());
    painter->setPen(enabled(option) ? c().text : c().text3);
    painter->drawText(option->rect, Qt::AlignCenter | Qt::TextShowMnemonic | Qt::TextSingleLine,
                      option->text);
}

void menuItem(QPainter* painter, const QStyleOptionMenuItem* option, const QWidget*) {
    const QRect rect = option->rect;
    if (option->menuItemType == QStyleOptionMenuItem::Separator)
        return painter->fillRect(QRect(rect.x() + 8, rect.center().y(), rect.width() - 16, 1), c().line);
    if ((option->state & QStyle::State_Selected) && enabled(option))
        box(painter, QRectF(rect).adjusted(4, 1, -4, -1), c().soft, QColor());
    const QColor ink = enabled(option) ? c().text : c().text3;
    const QRect mark(rect.x() + 12, rect.center().y() - 7, 16, 16);
    if (option->checkType != QStyleOptionMenuItem::NotCheckable && option->checked) {
        widgets::themeIcon(option->checkType == QStyleOptionMenuItem::Exclusive ? QStringLiteral("check")
                                                                                : QStringLiteral("check"),
                           c().accent)
            .paint(painter, mark);
    } else if (!option->icon.isNull()) {
        option->icon.paint(painter, mark, Qt::AlignCenter, enabled(option) ? QIcon::Normal : QIcon::Disabled);
    }
    const QStringList parts = option->text.split(QLatin1Char('\t'));
    const QRect text = rect.adjusted(36, 0, -16, 0);
    painter->setPen(ink);
    painter->setFont(option->font);
    painter->drawText(text, Qt::AlignVCenter | Qt::TextShowMnemonic | Qt::TextSingleLine, parts.value(0));
    if (parts.size() > 1) {
        painter->setPen(enabled(option) ? c().text2 : c().text3);
        painter->drawText(text, Qt::AlignVCenter | Qt::AlignRight | Qt::TextSingleLine, parts.value(1));
    }
    if (option->menuItemType == QStyleOptionMenuItem::SubMenu)
        widgets::themeIcon(QStringLiteral("right"), ink)
            .paint(painter, QRect(rect.right() - 24, rect.center().y() - 7, 16, 16));
}

void headerSection(QPainter* painter, const QStyleOptionHeader* option) {
    painter->fillRect(option->rect, c().base);
    painter->fillRect(QRect(option->rect.x(), option->rect.bottom(), option->rect.width(), 1), c().line);
}

void progressBar(QPainter* painter, const QStyleOptionProgressBar* option) {
    const QRectF rect = option->rect;
    const QRectF bar(rect.x(), rect.center().y() - 2, rect.width(), 4);
    box(painter, bar, c().line, QColor(), 1, 2);
    const int range = option->maximum - option->minimum;
    if (range <= 0) return;
    const double fraction = std::clamp(double(option->progress - option->minimum) / range, 0.0, 1.0);
    box(painter, QRectF(bar.x(), bar.y(), bar.width() * fraction, bar.height()),
        enabled(option) ? c().accent : c().text3, QColor(), 1, 2);
}

void tab(QPainter* painter, const QStyleOptionTab* option) {
    const bool selected = option->state & QStyle::State_Selected;
    if (!selected && hovered(option)) painter->fillRect(option->rect, c().hover);
    if (!selected) return;
    const QRect rect = option->rect;
    const bool south = option->shape == QTabBar::RoundedSouth || option->shape == QTabBar::TriangularSouth;
    painter->fillRect(QRect(rect.x() + 4, south ? rect.top() : rect.bottom() - 1, rect.width() - 8, 2),
                      c().accent);
}

void itemRow(QPainter* painter, const QStyleOptionViewItem* option) {
    if (option->state & QStyle::State_Selected)
        painter->fillRect(option->rect, c().soft);
    else if (option->backgroundBrush.style() != Qt::NoBrush)
        painter->fillRect(option->rect, option->backgroundBrush);
    else if (hovered(option))
        painter->fillRect(option->rect, c().hover);
}

bool isPadded(const QWidget* widget) {
    return widget != nullptr && widget->property("padded").toBool();
}

QRect paddedRect(const QRect& rect, bool first, bool last) {
    return rect.adjusted(first ? kPadding : 0, 0, last ? -kPadding : 0, 0);
}

}  // namespace caravan::ui::stylepaint
