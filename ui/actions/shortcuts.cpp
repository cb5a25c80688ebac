// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/actions/shortcuts.h"

#include <QSettings>

#include "ui/actions/action_registry.h"

namespace caravan::ui {

void setShortcut(const ActionRegistry& actions, QAction* action, const QKeySequence& keys) {
    const ActionSpec* spec = actions.spec(action);
    if (spec == nullptr) return;
    const QString place = QStringLiteral("shortcuts/") + spec->id;
    if (keys == spec->shortcut)
        QSettings().remove(place);
    else
        QSettings().setValue(place, keys.toString());
    action->setShortcut(keys);
}

QKeySequence keptShortcut(const ActionRegistry& actions, const QAction* action) {
    const ActionSpec* spec = actions.spec(action);
    if (spec == nullptr) return {};
    return QKeySequence(
        QSettings().value(QStringLiteral("shortcuts/") + spec->id, spec->shortcut.toString()).toString());
}

QAction* shortcutHolder(const ActionRegistry& actions, const QKeySequence& keys, const QAction* except) {
    if (keys.isEmpty()) return nullptr;
    const ActionSpec* mine = actions.spec(except);
    for (QAction* action : actions.actions()) {
        const ActionSpec* spec = actions.spec(action);
        if (action == except || action->shortcut() != keys || spec == nullptr) continue;
        const bool together =
            mine == nullptr || mine->page.isEmpty() || spec->page.isEmpty() || mine->page == spec->page;
        if (together) return action;
    }
    return nullptr;
}

}  // namespace caravan::ui
