// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/engine_host/hosted_runs.h"

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "engine/api/config/descriptors.h"
#include "projects/run_queue.h"

namespace caravan::host {
namespace fs = std::filesystem;
using engine::Error;
using engine::ErrorCode;

namespace {
bool hasEnded(engine::RunState state) {
    using enum engine::RunState;
    return state == Stopped || state == Interrupted || state == Finished || state == Failed;
}
}  // namespace

// Writes a run's events into its project and hands them on; its end is kept back until retire().
struct HostedRuns::Observer : engine::RunObserver {
    Observer(std::string folder, std::shared_ptr<projects::RunRecorder> recorder, HostedRuns& runs)
        : folder(std::move(folder)), recorder(std::move(recorder)), runs(runs) {}
    void onEvent(const engine::RunEvent& event) override {
        if (std::holds_alternative<engine::CheckpointInfo>(event)) saving = false;
        if (recorder) recorder->onEvent(event);
        if (keptBack(event))
            runs.m_ending();
        else
            runs.m_publish(folder, event);
    }
    bool hasEnd() {
        const std::lock_guard lock(mutex);
        return !end.empty();
    }
    const std::string folder;
    const std::shared_ptr<projects::RunRecorder> recorder;  // null: the run belongs to no project
    HostedRuns& runs;
    std::atomic<bool> saving{false};  // a checkpoint was asked for by checkpointAll()
    std::mutex mutex;
    std::optional<engine::RoutingRecord> newest;
    std::vector<engine::RunEvent> end;  // the change of state to an end, and what came after

  private:
    bool keptBack(const engine::RunEvent& event) {
        const std::lock_guard lock(mutex);
        if (const auto* routing = std::get_if<engine::RoutingRecord>(&event)) newest = *routing;
        const auto* change = std::get_if<engine::StateChange>(&event);
        if (end.empty() && !(change && hasEnded(change->to))) return false;
        end.push_back(event);
        return true;
    }
};

namespace {
std::string cleanFolder(const std::string& folder) {
    fs::path path = fs::absolute(folder).lexically_normal();
    return (path.has_filename() ? path : path.parent_path()).string();
}

}  // namespace

HostedRuns::HostedRuns(engine::Engine& engine, Publish publish, std::function<void()> ending)
    : m_engine(engine), m_publish(std::move(publish)), m_ending(std::move(ending)) {}

HostedRuns::~HostedRuns() = default;

engine::Result<std::shared_ptr<projects::Project>> HostedRuns::projectAt(const std::string& place) {
    {
        const std::lock_guard lock(m_mutex);
        if (auto project = m_projects[place].lock()) return project;
    }
    auto opened = projects::Project::open(place);
    if (!opened) return opened;
    const std::lock_guard lock(m_mutex);
    m_projects[place] = *opened;
    return opened;
}

engine::Result<std::shared_ptr<projects::RunRecorder>> HostedRuns::recorderFor(const std::string& folder,
                                                                               const std::string& recipe,
                                                                               engine::StepIndex steps) {
    const fs::path place = projects::Project::projectOfRun(folder);
    if (place.empty()) return nullptr;
    const auto project = projectAt(place.string());
    if (!project) return tl::unexpected(project.error());
    return projects::RunRecorder::claim(*project, fs::path(folder).filename().string(), "engine", recipe,
                                        steps);
}

template <class Begin>
engine::Result<std::string> HostedRuns::begin(const std::string& folder, const std::string& recipe,
                                              engine::StepIndex steps, Begin begin) {
    retire();
    {
        const std::lock_guard lock(m_mutex);
        if (m_runs.contains(folder)) return engine::fail(ErrorCode::RunBusy, {{"run", folder}});
    }
    auto recorder = recorderFor(folder, recipe, steps);
    if (!recorder) return tl::unexpected(recorder.error());
    const auto observer = std::make_shared<Observer>(folder, *recorder, *this);
    {
        const std::lock_guard lock(m_mutex);
        m_runs[folder] = {observer, nullptr};
    }
    auto run = begin(observer);
    const std::lock_guard lock(m_mutex);
    if (!run) {
        m_runs.erase(folder);
        if (*recorder) (*recorder)->abandon(run.error());
        return tl::unexpected(run.error());
    }
    m_runs[folder].run = std::move(*run);
    if (observer->hasEnd()) m_ending();
    return folder;
}

engine::Result<std::string> HostedRuns::start(engine::RunRequest request) {
    if (request.runFolder.empty()) return engine::fail(ErrorCode::MissingOption, {{"key", "run"}});
    request.runFolder = cleanFolder(request.runFolder);
    if (fs::exists(fs::path(request.runFolder) / "metrics.jsonl"))
        return engine::fail(ErrorCode::AlreadyExists, {{"path", request.runFolder}});
    const std::string recipe = engine::recipeToJson(request.recipe).dump();
    return begin(request.runFolder, recipe, request.recipe.tune.steps.value_or(0),
                 [&](const auto& observer) { return m_engine.startRun(request, observer); });
}

engine::Result<std::string> HostedRuns::resume(const engine::ResumeRequest& request) {
    engine::ResumeRequest clean = request;
    clean.runFolder = cleanFolder(request.runFolder);
    return begin(clean.runFolder, "", 0,
                 [&](const auto& observer) { return m_engine.resumeRun(clean, observer); });
}

engine::Result<std::shared_ptr<engine::TuningRun>> HostedRuns::find(const std::string& run) const {
    const std::lock_guard lock(m_mutex);
    const auto found = m_runs.find(cleanFolder(run));
    if (found == m_runs.end() || !found->second.run)
        return engine::fail(ErrorCode::NotFound, {{"what", "live run"}, {"name", run}});
    return found->second.run;
}

std::vector<HostedRuns::Status> HostedRuns::list() const {
    const std::lock_guard lock(m_mutex);
    std::vector<Status> all;
    for (const auto& [folder, entry] : m_runs)
        all.push_back({folder, entry.run ? entry.run->state() : engine::RunState::Loading,
                       entry.run ? entry.run->step() : 0});
    return all;
}

bool HostedRuns::anyLive() const {
    const std::lock_guard lock(m_mutex);
    return !m_runs.empty();
}

bool HostedRuns::anyMoves() const {
    const std::lock_guard lock(m_mutex);
    return std::any_of(m_runs.begin(), m_runs.end(), [](const auto& run) {
        return !run.second.run || run.second.run->state() != engine::RunState::Paused;
    });
}

std::optional<engine::RoutingRecord> HostedRuns::newestRouting(const std::string& run) const {
    std::shared_ptr<Observer> observer;
    {
        const std::lock_guard lock(m_mutex);
        const auto found = m_runs.find(cleanFolder(run));
        if (found == m_runs.end()) return std::nullopt;
        observer = found->second.observer;
    }
    const std::lock_guard lock(observer->mutex);
    return observer->newest;
}

void HostedRuns::stopAll() {
    const std::lock_guard lock(m_mutex);
    for (auto& [folder, entry] : m_runs)
        if (entry.run && !hasEnded(entry.run->state())) entry.run->stop();
}
void HostedRuns::cancelAll() {
    const std::lock_guard lock(m_mutex);
    for (auto& [folder, entry] : m_runs)
        if (entry.run && !hasEnded(entry.run->state())) entry.run->cancel();
}
void HostedRuns::checkpointAll() {
    const std::lock_guard lock(m_mutex);
    for (auto& [folder, entry] : m_runs)
        if (entry.run && entry.run->state() == engine::RunState::Running) {
            entry.observer->saving = true;
            entry.run->checkpoint();
        }
}

bool HostedRuns::savesPending() const {
    const std::lock_guard lock(m_mutex);
    return std::any_of(m_runs.begin(), m_runs.end(), [](const auto& run) {
        return run.second.observer && run.second.observer->saving && run.second.run &&
               run.second.run->state() == engine::RunState::Running;
    });
}

void HostedRuns::retire() {
    const std::lock_guard alone(m_retiring);
    std::vector<Entry> ended;
    {
        const std::lock_guard lock(m_mutex);
        for (const auto& [folder, entry] : m_runs)
            if (entry.run && (entry.observer->hasEnd() || hasEnded(entry.run->state())))
                ended.push_back(entry);
    }
    for (Entry& entry : ended) {
        entry.run->wait();
        rememberQueue(entry);
        {
            const std::lock_guard lock(m_mutex);
            m_runs.erase(entry.observer->folder);
        }
        entry.run.reset();  // its thread is joined and its memory is free
        for (const engine::RunEvent& event : entry.observer->end)
            m_publish(entry.observer->folder, event);
    }
}

void HostedRuns::workQueue(const std::string& project) {
    const std::lock_guard lock(m_mutex);
    m_queues.insert(cleanFolder(project));
}

// Finished or failed: the queue goes on. Stopped: somebody wants the machine.
void HostedRuns::rememberQueue(const Entry& ended) {
    const fs::path place = projects::Project::projectOfRun(ended.observer->folder);
    if (place.empty()) return;
    const engine::RunState state = ended.run->state();
    const std::lock_guard lock(m_mutex);
    if (state == engine::RunState::Finished || state == engine::RunState::Failed)
        m_queues.insert(place.string());
    else
        m_queues.erase(place.string());
}

engine::Result<void> HostedRuns::startQueued() {
    std::string place;
    {
        const std::lock_guard lock(m_mutex);
        if (m_queues.empty() || !m_runs.empty()) return {};
        place = *m_queues.begin();
    }
    const auto project = projectAt(place);
    const auto next = project.and_then([](const auto& opened) { return projects::takeQueuedRun(*opened); });
    if (!next || !*next) {
        const std::lock_guard lock(m_mutex);
        m_queues.erase(place);
        if (!next) return tl::unexpected(next.error());
        return {};
    }
    const auto recipe = engine::recipeFromJson(nlohmann::json::parse((*next)->recipe, nullptr, false));
    engine::RunRequest request;
    if (recipe) request.recipe = *recipe;
    request.recipeFolder = place;
    request.runFolder = (*project)->runFolder((*next)->run).string();
    // One that does not start is marked as failed with its reason; the next turn takes the one behind it.
    (void)start(std::move(request));
    return {};
}

}  // namespace caravan::host
