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
        case PE_PanelScrollAreaCorner:
            return painter->fillRect(option->rect, c().base);
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
                copy.state &= ~State_On;        // no bold section for the selected column
                copy.rect.adjust(0, -8, 0, 7);  // the margin counts on both axes, and cut descenders
                if (widget != nullptr && stylepaint::isPadded(widget->parentWidget()))
                    copy.rect =
                        stylepaint::paddedRect(copy.rect, header->position == QStyleOptionHeader::Beginning,
                                               header->position == QStyleOptionHeader::End);
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
    if (isTextEdit(widget) && static_cast<QFrame*>(widget)->frameShape() != QFrame::NoFrame)
        static_cast<QAbstractScrollArea*>(widget)->viewport()->setBackgroundRole(
            QPalette::Button);  // a field
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
    QEvent change(QEvent::StyleChange);  // a button keeps its size hint until then
    QCoreApplication::sendEvent(widget, &change);
    widget->updateGeometry();
    widget->update();
}
}  // namespace

void setPrimary(QPushButton* button, bool primary) {
    setFlag(button, "primary", primary);
}
bool isPrimary(const QWidget* button) {
    if (button == nullptr || !button->property("primary").toBool()) return false;
    for (const QWidget* at = button; at != nullptr; at = at->parentWidget()) {
        if (at->property("primaryStays").toBool()) return true;
        if (at->isWindow()) return !at->property("primaryYields").toBool();
    }
    return true;
}

void setPrimaryYields(QWidget* window, bool yields) {
    if (window->property("primaryYields").toBool() == yields) return;
    window->setProperty("primaryYields", yields);
    for (QPushButton* button : window->findChildren<QPushButton*>())
        if (button->property("primary").toBool()) setPrimary(button);
}

void setQuiet(QWidget* button) {
    setFlag(button, "quiet", true);
}
void setInvalid(QWidget* field, bool invalid) {
    if (field->property("invalid").toBool() != invalid) setFlag(field, "invalid", invalid);
}

}  // namespace caravan::ui
