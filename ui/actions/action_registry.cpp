// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/actions/action_registry.h"

#include <QSettings>
#include <algorithm>

#include "widgets/theme_colors.h"

namespace caravan::ui {

ActionRegistry::ActionRegistry(QObject* parent) : QObject(parent) {}

QAction* ActionRegistry::add(const ActionSpec& spec, QObject* context, std::function<void()> trigger) {
    Q_ASSERT(!find(spec.id));
    auto* action = new QAction(spec.text, this);
    action->setObjectName(spec.id);
    const QString keys =
        QSettings().value(QStringLiteral("shortcuts/") + spec.id, spec.shortcut.toString()).toString();
    action->setShortcut(QKeySequence(keys));
    action->setShortcutContext(Qt::WindowShortcut);
    if (!spec.icon.isEmpty()) {
        action->setIcon(widgets::themeIcon(spec.icon));
        action->setIconVisibleInMenu(true);
    }
    QString plain = spec.text;
    action->setToolTip(spec.tip.isEmpty() ? plain.remove(QLatin1Char('&')) : spec.tip);
    if (trigger) connect(action, &QAction::triggered, context, [trigger = std::move(trigger)] { trigger(); });
    action->setVisible(spec.page.isEmpty() || spec.page == m_page);
    m_actions << action;
    m_entries << Entry{action, spec};
    Q_EMIT added(action);
    return action;
}

QAction* ActionRegistry::find(const QString& id) const {
    const auto found =
        std::find_if(m_actions.begin(), m_actions.end(), [&](QAction* a) { return a->objectName() == id; });
    return found == m_actions.end() ? nullptr : *found;
}

const ActionSpec* ActionRegistry::spec(const QAction* action) const {
    for (const Entry& entry : m_entries)
        if (entry.action == action) return &entry.spec;
    return nullptr;
}

QList<QAction*> ActionRegistry::menuActions(const QString& menu) const {
    QList<Entry> entries;
    std::copy_if(m_entries.begin(), m_entries.end(), std::back_inserter(entries),
                 [&](const Entry& entry) { return entry.spec.menu == menu; });
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return a.spec.section < b.spec.section; });
    QList<QAction*> result;
    for (int i = 0; i < entries.size(); ++i) {
        if (i > 0 && entries[i].spec.section != entries[i - 1].spec.section) {
            auto* separator = new QAction(const_cast<ActionRegistry*>(this));
            separator->setSeparator(true);
            result << separator;
        }
        result << entries[i].action;
    }
    return result;
}

void ActionRegistry::setActivePage(const QString& pageId) {
    m_page = pageId;
    for (const Entry& entry : m_entries)
        if (!entry.spec.page.isEmpty()) entry.action->setVisible(entry.spec.page == pageId);
}

}  // namespace caravan::ui
