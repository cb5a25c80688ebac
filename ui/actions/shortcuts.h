// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QKeySequence>

class QAction;

namespace caravan::ui {

class ActionRegistry;

// The user's own keys of an action, kept in the settings; the default again is not kept.
void setShortcut(const ActionRegistry& actions, QAction* action, const QKeySequence& keys);
[[nodiscard]] QKeySequence keptShortcut(const ActionRegistry& actions, const QAction* action);
// Another action that has these keys and can be on at the same time; nullptr: they are free.
[[nodiscard]] QAction* shortcutHolder(const ActionRegistry& actions, const QKeySequence& keys,
                                      const QAction* except);

}  // namespace caravan::ui
