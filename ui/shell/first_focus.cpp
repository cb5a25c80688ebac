// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/first_focus.h"

#include <QApplication>

#include "ui/page.h"

namespace caravan::ui {

void focusFirst(Page& page, QWidget* first) {
    constexpr char kEntered[] = "entered";
    if (page.property(kEntered).toBool() || !page.isActive() || !first->isVisible()) return;
    page.setProperty(kEntered, true);
    const QWidget* now = QApplication::focusWidget();
    if (now == nullptr || now == &page || page.isAncestorOf(now)) first->setFocus(Qt::OtherFocusReason);
}

}  // namespace caravan::ui
