// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What the command palette finds.
#include "ui/actions/action_registry.h"
#include "ui/format/format.h"
#include "ui/main_window.h"
#include "ui/page.h"
#include "ui/project_context.h"
#include "ui/run_follower.h"
#include "ui/shell/command_palette.h"

namespace caravan::ui {

using Group = FoundItem::Group;

FoundItem MainWindow::foundAction(QAction* action) const {
    FoundItem item;
    item.text = action->text().remove(QLatin1Char('&'));
    item.keys = action->shortcut().toString(QKeySequence::NativeText);
    item.enabled = action->isEnabled();
    item.act = [action] { action->trigger(); };
    const ActionSpec* spec = m_actions->spec(action);
    if (spec == nullptr) return item;
    item.icon = spec->icon;
    if (spec->id.startsWith(QLatin1String("go."))) item.group = Group::Pages;
    if (spec->menu == QLatin1String("help")) item.group = Group::Help;
    if (Page* owner = page(spec->page)) item.note = owner->title();
    return item;
}

void MainWindow::openPalette() {
    QVector<FoundItem> items;
    for (QAction* action : m_actions->actions())
        if (action->isVisible() && !action->isSeparator() &&
            action->objectName() != QLatin1String("view.palette"))
            items << foundAction(action);
    for (const Page* page : std::as_const(m_pages))
        if (m_project) items << page->found();
    if (m_project)
        for (const RunEntry& run : m_project->runs()) {
            FoundItem item;
            item.group = Group::Runs;
            item.text = runName(*m_project, run);
            item.note = run.note.isEmpty() ? stateText(run.state) : tr("note: %1").arg(run.note.simplified());
            item.icon = QStringLiteral("runs");
            item.verb = tr("Show in Tune");
            item.act = [this, id = run.id] { follow(QStringLiteral("tune"), {{QStringLiteral("run"), id}}); };
            items << item;
        }
    m_palette->open(std::move(items));
}

}  // namespace caravan::ui
