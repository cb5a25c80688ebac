// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/bridge/run_notifier.h"

#include <QApplication>

#include "ui/bridge/desktop_bus.h"
#include "ui/format/format.h"

namespace caravan::ui {
RunNotifier::RunNotifier(RunController* runs, QObject* parent)
    : QObject(parent), m_runs(runs), m_progress(DesktopBus::showProgress) {
    auto* bus = new DesktopBus(this);
    m_note = [this, bus](const Note& note) { bus->notify(note.title, note.text, m_runs->live().folder); };
    connect(bus, &DesktopBus::activated, this, &RunNotifier::activated);
    connect(runs, &RunController::stateChanged, this, [this](const QString& folder) {
        if (folder == m_runs->live().folder) stateChanged();
    });
    connect(runs, &RunController::liveChanged, this, &RunNotifier::progressChanged);
}

void RunNotifier::setSenders(SendNote note, SendProgress progress) {
    m_note = std::move(note);
    m_progress = std::move(progress);
}

RunNotifier::Note RunNotifier::noteOf(const LiveRun& live, const QString& name) {
    const QString step = withThousands(live.step);
    const QString why = live.reason ? words(*live.reason).oneLine() : QString();
    switch (live.state) {
        case engine::RunState::Finished:
            return {tr("%1 has finished").arg(name), tr("%1 steps were tuned.").arg(step)};
        case engine::RunState::Failed:
            return {tr("%1 failed at step %2").arg(name, step), why};
        case engine::RunState::Interrupted:
            return {tr("%1 was interrupted at step %2").arg(name, step), why};
        case engine::RunState::Paused:
            if (live.reason) return {tr("%1 paused itself at step %2").arg(name, step), why};
            return {};
        default:
            return {};
    }
}

void RunNotifier::stateChanged() {
    progressChanged();
    if (QApplication::activeWindow() != nullptr) return;  // whoever looks sees it
    const LiveRun& live = m_runs->live();
    const Note note = noteOf(live, m_name ? m_name(live.folder) : live.name);
    if (!note.title.isEmpty()) m_note(note);
}

void RunNotifier::progressChanged() {
    const LiveRun& live = m_runs->live();
    const bool moves = live.isActive() && live.state != engine::RunState::Paused;
    const int percent = moves && live.steps > 0 ? static_cast<int>(live.fraction() * 100) : -1;
    if (percent == m_percent) return;
    m_percent = percent;
    m_progress(std::max(0, percent) / 100.0, percent >= 0);
}

}  // namespace caravan::ui
