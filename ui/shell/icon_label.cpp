// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/icon_label.h"

#include <QAction>
#include <QCoreApplication>
#include <QToolButton>

#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {

struct Icon {
    Q_DECLARE_TR_FUNCTIONS(Icon)
};

QString wordOf(const QString& icon) {
    if (icon == QLatin1String("check")) return Icon::tr("Good");
    if (icon == QLatin1String("warn")) return Icon::tr("Warning");
    if (icon == QLatin1String("err") || icon == QLatin1String("close")) return Icon::tr("Error");
    if (icon == QLatin1String("info")) return Icon::tr("Note");
    if (icon == QLatin1String("search")) return Icon::tr("Search");
    return icon == QLatin1String("tune") ? Icon::tr("Tuning") : QString();
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
        button->setAccessibleName(button->actions().contains(search) ? search->text() : Icon::tr("Clear"));
}

}  // namespace caravan::ui
