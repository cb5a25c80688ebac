// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Has every word room, and every control a name? For whole windows and dialogs.

#include <QAbstractButton>
#include <QAbstractScrollArea>
#include <QAbstractSpinBox>
#include <QAccessible>
#include <QComboBox>
#include <QDockWidget>
#include <QHeaderView>
#include <QLabel>
#include <QScrollArea>
#include <QSplitterHandle>
#include <QTextDocument>
#include <QtMath>

#include "ui/shell/pane_header.h"

namespace caravan::test {

inline constexpr int kRound = 1;  // px: font metrics round

// Where a widget stands, for whoever has to mend it.
inline QString nameOf(const QWidget* widget) {
    QString name = QString::fromLatin1(widget->metaObject()->className()).section(QLatin1String("::"), -1);
    if (const auto* label = qobject_cast<const QLabel*>(widget)) name += ' ' + label->text().left(60);
    if (const auto* button = qobject_cast<const QAbstractButton*>(widget))
        name += ' ' + button->text().left(60);
    if (!widget->accessibleName().isEmpty())
        name += QStringLiteral(" (%1)").arg(widget->accessibleName().left(60));
    return name + QStringLiteral(" %1x%2").arg(widget->width()).arg(widget->height());
}

// Parts of Qt's own compound widgets: their owner speaks for them.
inline bool isInner(const QWidget* widget) {
    const QWidget* parent = widget->parentWidget();
    return widget->objectName().startsWith(QLatin1String("qt_")) || qobject_cast<const QComboBox*>(parent) ||
           qobject_cast<const QAbstractSpinBox*>(parent) || qobject_cast<const QHeaderView*>(widget) ||
           qobject_cast<const QSplitterHandle*>(widget) || widget->inherits("QScrollBar") ||
           widget->inherits("QTableCornerButton") || widget->inherits("QAbstractButtonLineEdit") ||
           (parent != nullptr && parent->inherits("QLineEdit")) || widget->inherits("QDockWidgetTitleButton");
}

inline bool mayElide(const QWidget* widget) {
    return qobject_cast<const ui::ElidedLabel*>(widget) ||
           widget->sizePolicy().horizontalPolicy() == QSizePolicy::Ignored;
}

inline QString labelProblem(const QLabel& label) {
    if (label.text().isEmpty() || mayElide(&label)) return {};
    const QRect room = label.contentsRect();
    if (label.wordWrap()) {
        const int needs = label.heightForWidth(label.width());
        return needs > label.height() + kRound ? QStringLiteral("needs %1 px of height").arg(needs)
                                               : QString();
    }
    int needs = 0;
    if (Qt::mightBeRichText(label.text())) {
        QTextDocument text;
        text.setDefaultFont(label.font());
        text.setDocumentMargin(0);
        text.setHtml(label.text());
        needs = qCeil(text.idealWidth());
    } else {
        needs = label.fontMetrics().size(Qt::TextShowMnemonic, label.text()).width();
    }
    return needs > room.width() + kRound ? QStringLiteral("needs %1 px").arg(needs) : QString();
}

inline QString buttonProblem(const QAbstractButton& button) {
    if (button.text().isEmpty() || mayElide(&button)) return {};
    const QSize needs = button.sizeHint();
    if (needs.width() > button.width() + kRound && !button.hasHeightForWidth())
        return QStringLiteral("needs %1 px").arg(needs.width());
    const int height = button.hasHeightForWidth() ? button.heightForWidth(button.width()) : needs.height();
    return height > button.height() + kRound ? QStringLiteral("needs %1 px of height").arg(height)
                                             : QString();
}

inline QString headerProblem(const QHeaderView& header) {
    QStringList cut;
    for (int i = 0; i < header.count(); ++i) {
        if (header.isSectionHidden(i) || header.orientation() != Qt::Horizontal) continue;
        const QString text = header.model()->headerData(i, Qt::Horizontal).toString();
        const int needs = header.fontMetrics().horizontalAdvance(text) + 8;
        if (needs > header.sectionSize(i) + kRound)
            cut << QStringLiteral("%1 needs %2 of %3").arg(text).arg(needs).arg(header.sectionSize(i));
    }
    return cut.join(QStringLiteral(", "));
}

// Cut by what it stands in, where nothing scrolls to it.
inline QString cutBy(const QWidget* widget) {
    QRect area = widget->rect();
    for (const QWidget* at = widget; at->parentWidget() != nullptr && !at->isWindow();
         at = at->parentWidget()) {
        area.translate(at->pos());
        const QWidget* parent = at->parentWidget();
        const auto* scroll = qobject_cast<const QScrollArea*>(parent->parentWidget());
        if (parent->parentWidget() != nullptr && parent->parentWidget()->inherits("QAbstractScrollArea")) {
            if (scroll != nullptr && scroll->horizontalScrollBarPolicy() == Qt::ScrollBarAlwaysOff &&
                (area.left() < -kRound || area.right() > parent->width() + kRound))
                return QStringLiteral("is cut at the side of ") + nameOf(scroll);
            return {};
        }
        if (!parent->rect().adjusted(-kRound, -kRound, kRound, kRound).contains(area))
            return QStringLiteral("is cut by ") + nameOf(parent);
    }
    return {};
}

inline QStringList overlaps(const QWidget* parent) {
    QList<const QWidget*> seen;
    QStringList found;
    for (const QObject* object : parent->children()) {
        const auto* widget = qobject_cast<const QWidget*>(object);
        if (widget == nullptr || !widget->isVisible() || widget->isWindow()) continue;
        if (!qobject_cast<const QLabel*>(widget) && !qobject_cast<const QAbstractButton*>(widget) &&
            !qobject_cast<const QComboBox*>(widget))
            continue;
        for (const QWidget* other : std::as_const(seen))
            if (widget->geometry().adjusted(1, 1, -1, -1).intersects(other->geometry()))
                found << nameOf(widget) + QStringLiteral(" lies over ") + nameOf(other);
        seen << widget;
    }
    return found;
}

// Docks that need more than there is lie over each other.
inline QStringList dockOverlaps(const QWidget& window) {
    QList<const QWidget*> docks;
    for (const auto* dock : window.findChildren<QDockWidget*>())
        if (dock->isVisible() && !dock->isFloating()) docks << dock;
    QStringList found;
    for (qsizetype i = 0; i < docks.size(); ++i)
        for (qsizetype j = 0; j < i; ++j)
            if (docks[i]->parentWidget() == docks[j]->parentWidget() &&
                docks[i]->geometry().adjusted(1, 1, -1, -1).intersects(docks[j]->geometry()))
                found << nameOf(docks[i]) + QStringLiteral(" lies over ") + nameOf(docks[j]);
    return found;
}

inline QStringList roomProblems(const QWidget& window, const QString& page) {
    QStringList problems;
    const auto tell = [&](const QWidget* widget, const QString& what) {
        if (!what.isEmpty())
            problems << page + QStringLiteral(": ") + nameOf(widget) + QStringLiteral(" ") + what;
    };
    for (const QWidget* widget : window.findChildren<QWidget*>()) {
        if (!widget->isVisible() || isInner(widget)) {
            if (const auto* header = qobject_cast<const QHeaderView*>(widget); header && header->isVisible())
                tell(header, headerProblem(*header));
            continue;
        }
        if (const auto* label = qobject_cast<const QLabel*>(widget)) {
            tell(label, labelProblem(*label));
            if (!label->text().isEmpty()) tell(label, cutBy(label));
        }
        if (const auto* button = qobject_cast<const QAbstractButton*>(widget)) {
            tell(button, buttonProblem(*button));
            tell(button, cutBy(button));
        }
        problems << overlaps(widget);
    }
    problems << dockOverlaps(window);
    return problems;
}

inline bool isControl(const QWidget* widget) {
    return widget->focusPolicy() != Qt::NoFocus || qobject_cast<const QAbstractButton*>(widget) != nullptr;
}

inline QStringList namelessControls(const QWidget& window, const QString& page) {
    QStringList problems;
    for (QWidget* widget : window.findChildren<QWidget*>()) {
        if (!widget->isVisible() || isInner(widget) || !isControl(widget)) continue;
        QAccessibleInterface* spoken = QAccessible::queryAccessibleInterface(widget);
        if (spoken == nullptr || spoken->text(QAccessible::Name).trimmed().isEmpty())
            problems << page + QStringLiteral(": ") + nameOf(widget) + QStringLiteral(" in ") +
                            (widget->parentWidget() ? nameOf(widget->parentWidget()) : QString());
    }
    return problems;
}

}  // namespace caravan::test
