// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Sizes and places of the parts of controls.
#include <QAbstractItemView>
#include <QAbstractScrollArea>
#include <QAbstractSpinBox>
#include <QApplication>
#include <QDialogButtonBox>
#include <QPlainTextEdit>
#include <QStyleOption>
#include <QTextEdit>

#include "ui/theme/style.h"
#include "ui/theme/style_paint.h"

namespace caravan::ui {
namespace {

bool isTextEdit(const QWidget* widget) {
    return qobject_cast<const QPlainTextEdit*>(widget) || qobject_cast<const QTextEdit*>(widget);
}

}  // namespace

QRect CaravanStyle::subControlRect(ComplexControl control, const QStyleOptionComplex* option, SubControl part,
                                   const QWidget* widget) const {
    const QRect rect = option->rect;
    if (control == CC_SpinBox) {
        const auto* spin = qstyleoption_cast<const QStyleOptionSpinBox*>(option);
        const int width = spin && spin->buttonSymbols == QAbstractSpinBox::NoButtons ? 0 : 20;
        switch (part) {
            case SC_SpinBoxUp:
                return {rect.right() - width, rect.y() + 3, width, rect.height() / 2 - 3};
            case SC_SpinBoxDown:
                return {rect.right() - width, rect.y() + rect.height() / 2, width, rect.height() / 2 - 3};
            case SC_SpinBoxEditField:
                return rect.adjusted(6, 1, -width - 2, -1);
            case SC_SpinBoxFrame:
                return rect;
            default:
                break;
        }
    }
    if (control == CC_ComboBox && part == SC_ComboBoxEditField) return rect.adjusted(8, 1, -26, -1);
    if (control == CC_ScrollBar) {
        const auto* bar = qstyleoption_cast<const QStyleOptionSlider*>(option);
        if (bar) {
            const bool vertical = bar->orientation == Qt::Vertical;
            const int length = vertical ? rect.height() : rect.width();
            const qint64 range = qint64(bar->maximum) - bar->minimum;
            int handle = length;
            if (range > 0)
                handle = std::max<int>(24, int(qint64(length) * bar->pageStep / (range + bar->pageStep)));
            const int at = sliderPositionFromValue(bar->minimum, bar->maximum, bar->sliderPosition,
                                                   length - handle, bar->upsideDown);
            const auto make = [&](int from, int size) {
                return vertical ? QRect(rect.x(), rect.y() + from, rect.width(), size)
                                : QRect(rect.x() + from, rect.y(), size, rect.height());
            };
            switch (part) {
                case SC_ScrollBarSlider:
                    return make(at, handle);
                case SC_ScrollBarGroove:
                    return rect;
                case SC_ScrollBarSubPage:
                    return make(0, at);
                case SC_ScrollBarAddPage:
                    return make(at + handle, length - at - handle);
                case SC_ScrollBarAddLine:
                case SC_ScrollBarSubLine:
                    return {};
                default:
                    break;
            }
        }
    }
    return QProxyStyle::subControlRect(control, option, part, widget);
}

QRect CaravanStyle::subElementRect(SubElement element, const QStyleOption* option,
                                   const QWidget* widget) const {
    if (element == SE_LineEditContents && widget && !widget->property("plain").toBool()) {
        const auto* frame = qstyleoption_cast<const QStyleOptionFrame*>(option);
        if (frame && frame->lineWidth > 0) return option->rect.adjusted(8, 1, -8, -1);
    }
    QRect rect = QProxyStyle::subElementRect(element, option, widget);
    if (element == SE_ItemViewItemText && stylepaint::isPadded(widget))
        if (const auto* item = qstyleoption_cast<const QStyleOptionViewItem*>(option))
            rect = stylepaint::paddedRect(rect, item->index.column() == 0,
                                          item->index.column() + 1 == item->index.model()->columnCount());
    return rect;
}

QSize CaravanStyle::sizeFromContents(ContentsType type, const QStyleOption* option, const QSize& size,
                                     const QWidget* widget) const {
    const int control = std::max(28, QFontMetrics(QApplication::font()).height() + 12);
    QSize result = QProxyStyle::sizeFromContents(type, option, size, widget);
    switch (type) {
        case CT_PushButton:
            if (const auto* button = qstyleoption_cast<const QStyleOptionButton*>(option)) {
                QFont font = widget ? widget->font() : QApplication::font();
                if (isPrimary(widget)) font.setWeight(QFont::DemiBold);
                int width = QFontMetrics(font).size(Qt::TextShowMnemonic, button->text).width() + 24;
                if (!button->icon.isNull())
                    width += button->iconSize.width() + (button->text.isEmpty() ? -8 : 8);
                if (button->features & QStyleOptionButton::HasMenu) width += 16;
                return {std::max(width, control), control};
            }
            return result;
        case CT_LineEdit:
        case CT_SpinBox:
            return {result.width(), std::max(control, 28)};
        case CT_ComboBox:
            return {size.width() + 40, control};
        case CT_MenuBarItem:
            return {
                QFontMetrics(widget ? widget->font() : QApplication::font())
                        .size(Qt::TextShowMnemonic, static_cast<const QStyleOptionMenuItem*>(option)->text)
                        .width() +
                    16,
                34};
        case CT_MenuItem:
            if (const auto* item = qstyleoption_cast<const QStyleOptionMenuItem*>(option)) {
                if (item->menuItemType == QStyleOptionMenuItem::Separator) return {result.width(), 9};
                const QStringList parts = item->text.split(QLatin1Char('\t'));
                const QFontMetrics metrics(item->font);
                int width = metrics.size(Qt::TextShowMnemonic, parts.value(0)).width() + 36 + 24;
                if (parts.size() > 1) width += metrics.horizontalAdvance(parts.value(1)) + 32;
                return {width, control};
            }
            return result;
        case CT_HeaderSection: {
            const auto* header = qstyleoption_cast<const QStyleOptionHeader*>(option);
            const bool outer = header != nullptr && widget != nullptr &&
                               stylepaint::isPadded(widget->parentWidget()) &&
                               (header->position == QStyleOptionHeader::Beginning ||
                                header->position == QStyleOptionHeader::End);
            return {result.width() + (outer ? stylepaint::kPadding : 0), 28};
        }
        case CT_ItemViewItem: {
            const auto* item = qstyleoption_cast<const QStyleOptionViewItem*>(option);
            const bool outer =
                item != nullptr && stylepaint::isPadded(widget) && item->index.isValid() &&
                (item->index.column() == 0 ||
                 item->index.column() + 1 == item->index.model()->columnCount(item->index.parent()));
            return outer ? result + QSize(stylepaint::kPadding, 0) : result;
        }
        case CT_TabBarTab:
            return {result.width(), 32};
        default:
            return result;
    }
}

int CaravanStyle::pixelMetric(PixelMetric metric, const QStyleOption* option, const QWidget* widget) const {
    switch (metric) {
        case PM_ScrollBarExtent:
            return 12;
        case PM_SplitterWidth:
        case PM_DockWidgetSeparatorExtent:
            return 5;
        case PM_IndicatorWidth:
        case PM_IndicatorHeight:
        case PM_ExclusiveIndicatorWidth:
        case PM_ExclusiveIndicatorHeight:
            return 16;
        case PM_CheckBoxLabelSpacing:
        case PM_RadioButtonLabelSpacing:
            return 8;
        case PM_SliderThickness:
        case PM_SliderControlThickness:
            return 20;
        case PM_SliderLength:
            return 14;
        case PM_ButtonIconSize:
        case PM_SmallIconSize:
            return 16;
        case PM_ButtonShiftHorizontal:
        case PM_ButtonShiftVertical:
            return 0;
        case PM_MenuPanelWidth:
            return 1;
        case PM_MenuVMargin:
            return 4;
        case PM_MenuHMargin:
            return 0;
        case PM_MenuBarPanelWidth:
        case PM_MenuBarHMargin:
        case PM_MenuBarVMargin:
        case PM_MenuBarItemSpacing:
            return 0;
        case PM_ToolBarFrameWidth:
        case PM_ToolBarItemMargin:
        case PM_ToolBarItemSpacing:
            return 0;
        case PM_TreeViewIndentation:
            return 16;
        case PM_HeaderMargin:
            return 8;
        case PM_FocusFrameHMargin:  // text of item views stands one px further in
            return qobject_cast<const QAbstractItemView*>(widget)
                       ? 7
                       : QProxyStyle::pixelMetric(metric, option, widget);
        case PM_DefaultFrameWidth:
            if (isTextEdit(widget)) return 2;
            if (widget &&
                (qobject_cast<const QAbstractItemView*>(widget) ||
                 qobject_cast<const QAbstractScrollArea*>(widget)) &&
                !widget->property("framed").toBool())
                return widget->window()->windowType() == Qt::Popup ? 1 : 0;
            return QProxyStyle::pixelMetric(metric, option, widget);
        default:
            return QProxyStyle::pixelMetric(metric, option, widget);
    }
}

int CaravanStyle::styleHint(StyleHint hint, const QStyleOption* option, const QWidget* widget,
                            QStyleHintReturn* returnData) const {
    switch (hint) {
        case SH_EtchDisabledText:
        case SH_DitherDisabledText:
        case SH_ItemView_ArrowKeysNavigateIntoChildren:
            return 0;
        case SH_ItemView_ShowDecorationSelected:
            return 1;
        case SH_ScrollBar_LeftClickAbsolutePosition:
            return 1;
        case SH_DialogButtonLayout:
            return QDialogButtonBox::GnomeLayout;  // what the dialog is for stands at the right
        case SH_ComboBox_Popup:
            return 0;
        case SH_UnderlineShortcut:
            return 1;
        case SH_Widget_Animate:
        case SH_Widget_Animation_Duration:
            return 0;
        case SH_ToolTip_WakeUpDelay:
            return 500;
        default:
            return QProxyStyle::styleHint(hint, option, widget, returnData);
    }
}

}  // namespace caravan::ui
