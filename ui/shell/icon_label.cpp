// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/icon_label.h"

#include <QAction>
#include <QCoreApplication>
#include <QToolButton>

#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {

QString wordOf(const QString& icon) {
    const char* const context = "Icon";
    if (icon == QLatin1String("check")) return QCoreApplication::translate(context, "Good");
    if (icon == QLatin1String("warn")) return QCoreApplication::translate(context, "Warning");
    if (icon == QLatin1String("err") || icon == QLatin1String("close"))
        return QCoreApplication::translate(context, "Error");
    if (icon == QLatin1String("info")) return QCoreApplication::translate(context, "Note");
    if (icon == QLatin1String("search")) return QCoreApplication::translate(context, "Search");
    return icon == QLatin1String("tune") ? QCoreApplication::translate(context, "Tuning") : QString();
}

}  // namespace

void showIcon(QLabel* label, const QString& icon, const QColor& color, int size) {
    label->setPixmap(widgets::themeIcon(icon, color).pixmap(size, size));
    label->setAccessibleName(wordOf(icon));
}

void makeSearchField(QLineEdit* field) {
    QAction* search =
        field->addAction(widgets::themeIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    search->setText(wordOf(QStringLiteral("search")));
    field->setClearButtonEnabled(true);
    for (QToolButton* button : field->findChildren<QToolButton*>())
        button->setAccessibleName(button->actions().contains(search)
                                      ? search->text()
                                      : QCoreApplication::translate("Icon", "Clear"));
}

}  // namespace caravan::ui
