// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAccessible>

namespace caravan::widgets {

// What a widget of our own is to a screen reader: Qt takes it for an area without meaning. For constructors.
void setAccessibleRole(QWidget* widget, QAccessible::Role role);
// From now on assistive programs press buttons as the mouse does; where a button stays pressed Qt would only
// change its state, and whoever waits for the click would not hear of it.
void installAccessibleRoles();

}  // namespace caravan::widgets
