// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/run_feed.h"

#include "ui/bridge/run_controller.h"

namespace caravan::ui {
namespace {
// Older ones are in the run's file by then: the engine writes it first.
constexpr qsizetype kMostEarly = 4096;
}  // namespace

RunFeed::RunFeed(const QString& runFolder, RunEventBatch early) : m_waiting(std::move(early)) {
    connect(&m_reader, &RunReader::reached, this, [this](const RunHistory& soFar) {
        m_history = soFar;
        Q_EMIT reached();
    });
    connect(&m_reader, &RunReader::done, this, [this](const RunHistory& whole) {
        m_history = whole;
        if (!m_waiting.isEmpty()) apply(std::exchange(m_waiting, {}));
        Q_EMIT loaded();
    });
    m_reader.read(runFolder, m_history.generation());
}

void RunFeed::take(const RunEventBatch& batch) {
    if (isLoading())
        m_waiting += batch;
    else
        apply(batch);
}

void RunFeed::apply(const RunEventBatch& batch) {
    for (const RunEventItem& item : batch)
        m_history.apply(item.event);
    Q_EMIT grown(batch);
}

RunFeeds* RunFeeds::of(RunController* runs) {
    auto* found = runs->findChild<RunFeeds*>(QString(), Qt::FindDirectChildrenOnly);
    return found != nullptr ? found : new RunFeeds(runs);
}

RunFeeds::RunFeeds(RunController* runs) : QObject(runs) {
    connect(runs, &RunController::events, this, &RunFeeds::take);
}

std::shared_ptr<RunFeed> RunFeeds::feed(const QString& runFolder) {
    if (auto known = m_feeds.value(runFolder).lock()) return known;
    const bool waited = m_earlyFolder == runFolder;
    auto made = std::make_shared<RunFeed>(runFolder, waited ? std::move(m_early) : RunEventBatch{});
    m_early.clear();
    m_earlyFolder.clear();
    m_feeds.removeIf([](const auto& entry) { return entry.value().expired(); });
    m_feeds.insert(runFolder, made);
    return made;
}

void RunFeeds::take(const QString& folder, const RunEventBatch& batch) {
    bool watched = false;
    for (const auto& each : std::as_const(m_feeds))
        watched = watched || !each.expired();
    if (const auto feed = m_feeds.value(folder).lock()) return feed->take(batch);
    if (watched) return;
    // The list of runs is still being read: this may be the one to come.
    if (folder != m_earlyFolder) m_early.clear();
    m_earlyFolder = folder;
    m_early += batch;
    if (m_early.size() > kMostEarly) m_early.remove(0, m_early.size() - kMostEarly);
}

}  // namespace caravan::ui
