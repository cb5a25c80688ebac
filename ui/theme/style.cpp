// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/style.h"

#include <QAbstractItemView>
#include <QAbstractScrollArea>
#include <QAbstractSpinBox>
#include <QApplication>
#include <QComboBox>
#include <QDockWidget>
#include <QHeaderView>
#include <QLineEdit>
#include <QMenu>
#include <QPainter>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QSlider>
#include <QStyleFactory>
#include <QStyleOption>
#include <QTabBar>
#include <QTextEdit>
#include <QToolButton>

#include "ui/theme/style_paint.h"

namespace caravan::ui {
namespace {

const widgets::ThemeColors& c() {
    return widgets::themeColors();
}

bool isTextEdit(const QWidget* widget) {
    return qobject_cast<const QPlainTextEdit*>(widget) || qobject_cast<const QTextEdit*>(widget);
}

// The text of selected rows is drawn on `soft`, never on the accent.
QStyleOptionViewItem rowOption(const QStyleOptionViewItem& option) {
    QStyleOptionViewItem result = option;
    for (const auto group : {QPalette::Active, QPalette::Inactive}) {
        result.palette.setColor(group, QPalette::HighlightedText, c().text);
        result.palette.setColor(group, QPalette::Highlight, c().soft);
    }
    result.state &= ~QStyle::State_HasFocus;
    return result;
}

}  // namespace

CaravanStyle::CaravanStyle() : QProxyStyle(QStyleFactory::create(QStringLiteral("Fusion"))) {}

void CaravanStyle::drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                                 const QWidget* widget) const {
    switch (element) {
        case PE_PanelButtonTool:
            return stylepaint::toolButtonPanel(painter, option, widget);
        case PE_PanelButtonCommand:
            if (const auto* button = qstyleoption_cast<const QStyleOptionButton*>(option))
                return stylepaint::button(painter, button, widget);
            return stylepaint::toolButtonPanel(painter, option, widget);
        case PE_FrameDefaultButton:
        case PE_FrameFocusRect:
        case PE_FrameStatusBarItem:
        case PE_PanelMenuBar:
        case PE_FrameTabBarBase:
        case PE_PanelStatusBar:
            return;
        case PE_PanelLineEdit:
            if (const auto* frame = qstyleoption_cast<const QStyleOptionFrame*>(option);
                frame && frame->lineWidth == 0)
                return;
            return stylepaint::field(painter, option, widget);
        case PE_FrameLineEdit:
            return;
        case PE_IndicatorCheckBox:
            return stylepaint::checkBox(painter, option);
        case PE_IndicatorItemViewItemCheck:
            return stylepaint::checkBox(painter, option);
        case PE_IndicatorRadioButton:
            return stylepaint::radioButton(painter, option);
        case PE_PanelItemViewRow:
            if (const auto* row = qstyleoption_cast<const QStyleOptionViewItem*>(option))
                stylepaint::itemRow(painter, row);
            return;
        case PE_PanelItemViewItem:
            if (const auto* item = qstyleoption_cast<const QStyleOptionViewItem*>(option)) {
                stylepaint::itemRow(painter, item);
                if ((option->state & State_HasFocus) && (option->state & State_KeyboardFocusChange))
                    painter->fillRect(QRect(option->rect.x(), option->rect.y(), 2, option->rect.height()),
                                      c().accent);
            }
            return;
        case PE_IndicatorBranch:
            if (option->state & State_Children) {
                const QRectF at(option->rect.center() - QPointF(4, 4), QSizeF(8, 8));
                if (option->state & State_Open) return stylepaint::chevron(painter, at, false, c().text2);
                return widgets::themeIcon(QStringLiteral("right"), c().text2)
                    .paint(painter, at.toRect().adjusted(-3, -3, 3, 3));
            }
            return;
        case PE_IndicatorArrowDown:
        case PE_IndicatorSpinDown:
            return stylepaint::chevron(painter, QRectF(option->rect.center() - QPointF(3, 3), QSizeF(8, 8)),
                                       false, c().text2);
        case PE_IndicatorArrowUp:
        case PE_IndicatorSpinUp:
            return stylepaint::chevron(painter, QRectF(option->rect.center() - QPointF(3, 3), QSizeF(8, 8)),
                                       true, c().text2);
        case PE_IndicatorHeaderArrow:
            if (const auto* header = qstyleoption_cast<const QStyleOptionHeader*>(option))
                stylepaint::chevron(painter, QRectF(option->rect.center() - QPointF(3, 3), QSizeF(7, 7)),
                                    header->sortIndicator == QStyleOptionHeader::SortUp, c().text2);
            return;
        case PE_PanelTipLabel:
            return stylepaint::box(painter, option->rect, c().raised, c().btnline, 1, 4);
        case PE_PanelMenu:
        case PE_FrameMenu:
            painter->fillRect(option->rect, c().raised);
            painter->setPen(c().btnline);
            return painter->drawRect(option->rect.adjusted(0, 0, -1, -1));
        case PE_Frame:
            if (isTextEdit(widget)) {
                if (static_cast<const QFrame*>(widget)->frameShape() == QFrame::NoFrame) return;
                const bool invalid = widget->property("invalid").toBool();
                const QColor edge = invalid ? c().err : widget->hasFocus() ? c().accent : c().ctl;
                return stylepaint::box(painter, option->rect, c().raised, edge, invalid ? 2 : 1);
            }
            if (!widget || !widget->property("framed").toBool()) return;
            painter->setPen(c().line);
            painter->drawRect(option->rect.adjusted(0, 0, -1, -1));
            return;
        case PE_IndicatorDockWidgetResizeHandle: {
            const QRect r = option->rect;
            painter->fillRect(r, c().base);
            if (r.height() > r.width())
                painter->fillRect(QRect(r.center().x(), r.y(), 1, r.height()), c().line);
            else
                painter->fillRect(QRect(r.x(), r.center().y(), r.width(), 1), c().line);
            return;
        }
        case PE_FrameDockWidget:
        case PE_IndicatorToolBarSeparator:
            if (element == PE_IndicatorToolBarSeparator) {
                const QRect r = option->rect;
                painter->fillRect(QRect(r.center().x(), r.y() + 4, 1, r.height() - 8), c().line);
            }
            return;
        default:
            QProxyStyle::drawPrimitive(element, option, painter, widget);
    }
}

void CaravanStyle::drawControl(ControlElement element, const QStyleOption* option, QPainter* painter,
                               const QWidget* widget) const {
    switch (element) {
        case CE_PushButton:
            if (const auto* button = qstyleoption_cast<const QStyleOptionButton*>(option)) {
                stylepaint::button(painter, button, widget);
                stylepaint::buttonLabel(painter, button, widget);
                if (button->features & QStyleOptionButton::HasMenu)
                    stylepaint::chevron(
                        painter, QRectF(button->rect.right() - 18, button->rect.center().y() - 3, 8, 8),
                        false, c().text2);
                return;
            }
            break;
        case CE_MenuBarItem:
            if (const auto* item = qstyleoption_cast<const QStyleOptionMenuItem*>(option))
                return stylepaint::menuBarItem(painter, item, widget);
            break;
        case CE_MenuBarEmptyArea:
            return;
        case CE_MenuItem:
            if (const auto* item = qstyleoption_cast<const QStyleOptionMenuItem*>(option))
                return stylepaint::menuItem(painter, item, widget);
            break;
        case CE_MenuEmptyArea:
            return;
        case CE_HeaderSection:
            if (const auto* header = qstyleoption_cast<const QStyleOptionHeader*>(option))
                return stylepaint::headerSection(painter, header);
            break;
        case CE_HeaderEmptyArea: {
            painter->fillRect(option->rect, c().base);
            painter->fillRect(QRect(option->rect.x(), option->rect.bottom(), option->rect.width(), 1),
                              c().line);
            return;
        }
        case CE_HeaderLabel:
            if (const auto* header = qstyleoption_cast<const QStyleOptionHeader*>(option)) {
                QStyleOptionHeader copy = *header;
                copy.palette.setColor(QPalette::ButtonText, c().text2);
                copy.state &= ~State_On;  // no bold section for the selected column
                painter->setFont(widgets::textFont(widgets::TextRole::Secondary));
                return QProxyStyle::drawControl(element, &copy, painter, widget);
            }
            break;
        case CE_ProgressBarGroove:
            return;
        case CE_ProgressBarLabel:
            return;
        case CE_ProgressBarContents:
            if (const auto* bar = qstyleoption_cast<const QStyleOptionProgressBar*>(option))
                return stylepaint::progressBar(painter, bar);
            break;
        case CE_TabBarTabShape:
            if (const auto* bar = qstyleoption_cast<const QStyleOptionTab*>(option))
                return stylepaint::tab(painter, bar);
            break;
        case CE_ItemViewItem:
            if (const auto* item = qstyleoption_cast<const QStyleOptionViewItem*>(option)) {
                const QStyleOptionViewItem copy = rowOption(*item);
                return QProxyStyle::drawControl(element, &copy, painter, widget);
            }
            break;
        case CE_Splitter: {
            const QRect r = option->rect;
            painter->fillRect(r, c().base);
            if (r.height() > r.width())
                painter->fillRect(QRect(r.center().x(), r.y(), 1, r.height()), c().line);
            else
                painter->fillRect(QRect(r.x(), r.center().y(), r.width(), 1), c().line);
            return;
        }
        case CE_ToolBar:
            return;
        case CE_ShapedFrame:
            if (const auto* frame = qstyleoption_cast<const QStyleOptionFrame*>(option);
                frame && (frame->frameShape == QFrame::HLine || frame->frameShape == QFrame::VLine))
                return painter->fillRect(
                    frame->frameShape == QFrame::HLine
                        ? QRect(option->rect.x(), option->rect.center().y(), option->rect.width(), 1)
                        : QRect(option->rect.center().x(), option->rect.y(), 1, option->rect.height()),
                    c().line);
            return drawPrimitive(PE_Frame, option, painter, widget);
        case CE_ComboBoxLabel:
            if (const auto* combo = qstyleoption_cast<const QStyleOptionComboBox*>(option)) {
                QRect rect = combo->rect.adjusted(10, 0, -28, 0);
                if (!combo->currentIcon.isNull()) {
                    combo->currentIcon.paint(painter, QRect(rect.x(), rect.center().y() - 7, 16, 16));
                    rect.setLeft(rect.left() + 24);
                }
                if (combo->editable) return;
                painter->setPen(combo->state & State_Enabled ? c().text : c().text3);
                const QString text =
                    combo->fontMetrics.elidedText(combo->currentText, Qt::ElideMiddle, rect.width());
                return painter->drawText(rect, Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine, text);
            }
            break;
        default:
            break;
    }
    QProxyStyle::drawControl(element, option, painter, widget);
}

void CaravanStyle::drawComplexControl(ComplexControl control, const QStyleOptionComplex* option,
                                      QPainter* painter, const QWidget* widget) const {
    switch (control) {
        case CC_SpinBox:
            if (const auto* spin = qstyleoption_cast<const QStyleOptionSpinBox*>(option)) {
                stylepaint::field(painter, option, widget);
                if (spin->buttonSymbols == QAbstractSpinBox::NoButtons) return;
                for (const auto part : {SC_SpinBoxUp, SC_SpinBoxDown}) {
                    const QRectF rect = subControlRect(control, option, part, widget);
                    const bool can =
                        spin->stepEnabled & (part == SC_SpinBoxUp ? QAbstractSpinBox::StepUpEnabled
                                                                  : QAbstractSpinBox::StepDownEnabled);
                    const bool over = (option->activeSubControls & part) && (option->state & State_MouseOver);
                    stylepaint::chevron(painter, QRectF(rect.center() - QPointF(3, 3), QSizeF(6, 6)),
                                        part == SC_SpinBoxUp,
                                        !can || !(option->state & State_Enabled) ? c().btnline
                                        : over                                   ? c().text
                                                                                 : c().text3);
                }
                return;
            }
            break;
        case CC_ComboBox:
            if (const auto* combo = qstyleoption_cast<const QStyleOptionComboBox*>(option)) {
                if (combo->frame) stylepaint::field(painter, option, widget);
                const QRectF rect = option->rect;
                return stylepaint::chevron(painter, QRectF(rect.right() - 20, rect.center().y() - 4, 8, 8),
                                           false, option->state & State_Enabled ? c().text2 : c().text3);
            }
            break;
        case CC_Slider:
            if (const auto* bar = qstyleoption_cast<const QStyleOptionSlider*>(option))
                return stylepaint::slider(painter, bar,
                                          subControlRect(control, option, SC_SliderGroove, widget),
                                          subControlRect(control, option, SC_SliderHandle, widget));
            break;
        case CC_ScrollBar:
            if (const auto* bar = qstyleoption_cast<const QStyleOptionSlider*>(option))
                return stylepaint::scrollBar(painter, bar,
                                             subControlRect(control, option, SC_ScrollBarSlider, widget));
            break;
        default:
            break;
    }
    QProxyStyle::drawComplexControl(control, option, painter, widget);
}

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
    return QProxyStyle::subElementRect(element, option, widget);
}

QSize CaravanStyle::sizeFromContents(ContentsType type, const QStyleOption* option, const QSize& size,
                                     const QWidget* widget) const {
    const int control = std::max(28, QFontMetrics(QApplication::font()).height() + 12);
    QSize result = QProxyStyle::sizeFromContents(type, option, size, widget);
    switch (type) {
        case CT_PushButton:
            if (const auto* button = qstyleoption_cast<const QStyleOptionButton*>(option)) {
                QFont font = widget ? widget->font() : QApplication::font();
                if (widget && widget->property("primary").toBool()) font.setWeight(QFont::DemiBold);
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
        case CT_HeaderSection:
            return {result.width(), 28};
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

QIcon CaravanStyle::standardIcon(StandardPixmap icon, const QStyleOption* option,
                                 const QWidget* widget) const {
    if (icon == SP_LineEditClearButton) return widgets::themeIcon(QStringLiteral("close"), c().text2);
    return QProxyStyle::standardIcon(icon, option, widget);
}

void CaravanStyle::polish(QWidget* widget) {
    QProxyStyle::polish(widget);
    if (qobject_cast<QAbstractButton*>(widget) || qobject_cast<QComboBox*>(widget) ||
        qobject_cast<QAbstractSpinBox*>(widget) || qobject_cast<QLineEdit*>(widget) ||
        qobject_cast<QScrollBar*>(widget) || qobject_cast<QTabBar*>(widget))
        widget->setAttribute(Qt::WA_Hover);
    if (auto* spin = qobject_cast<QAbstractSpinBox*>(widget)) spin->setFocusPolicy(Qt::StrongFocus);
    if (auto* combo = qobject_cast<QComboBox*>(widget)) combo->setFocusPolicy(Qt::StrongFocus);
    // the wheel changes a field only when it has the focus
    if (qobject_cast<QAbstractSpinBox*>(widget) || qobject_cast<QComboBox*>(widget) ||
        qobject_cast<QSlider*>(widget))
        widget->installEventFilter(this);
}

void CaravanStyle::unpolish(QWidget* widget) {
    widget->removeEventFilter(this);
    QProxyStyle::unpolish(widget);
}

bool CaravanStyle::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Wheel) {
        auto* widget = qobject_cast<QWidget*>(watched);
        if (widget && !widget->hasFocus()) {
            event->ignore();
            return true;
        }
    }
    return QProxyStyle::eventFilter(watched, event);
}

namespace {
void setFlag(QWidget* widget, const char* name, bool on) {
    widget->setProperty(name, on);
    widget->updateGeometry();
    widget->update();
}
}  // namespace

void setPrimary(QPushButton* button, bool primary) {
    setFlag(button, "primary", primary);
}
void setQuiet(QWidget* button) {
    setFlag(button, "quiet", true);
}
void setInvalid(QWidget* field, bool invalid) {
    if (field->property("invalid").toBool() != invalid) setFlag(field, "invalid", invalid);
}

}  // namespace caravan::ui
