// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/engine_host/hosted_runs.h"

#include <filesystem>

#include "engine/api/config/descriptors.h"

namespace caravan::host {
namespace fs = std::filesystem;
using engine::Error;
using engine::ErrorCode;

struct HostedRuns::Observer : engine::RunObserver {
    Observer(std::string folder, std::shared_ptr<projects::RunRecorder> recorder, Publish publish)
        : folder(std::move(folder)), recorder(std::move(recorder)), publish(std::move(publish)) {}
    void onEvent(const engine::RunEvent& event) override {
        if (recorder) recorder->onEvent(event);
        if (const auto* routing = std::get_if<engine::RoutingRecord>(&event)) {
            const std::lock_guard lock(mutex);
            newest = *routing;
        }
        publish(folder, event);
    }
    const std::string folder;
    const std::shared_ptr<projects::RunRecorder> recorder;  // null: the run belongs to no project
    const Publish publish;
    std::mutex mutex;
    std::optional<engine::RoutingRecord> newest;
};

namespace {
std::string cleanFolder(const std::string& folder) {
    fs::path path = fs::absolute(folder).lexically_normal();
    return (path.has_filename() ? path : path.parent_path()).string();
}

bool hasEnded(engine::RunState state) {
    using enum engine::RunState;
    return state == Stopped || state == Interrupted || state == Finished || state == Failed;
}
}  // namespace

HostedRuns::HostedRuns(engine::Engine& engine, Publish publish)
    : m_engine(engine), m_publish(std::move(publish)) {}

HostedRuns::~HostedRuns() = default;

engine::Result<std::shared_ptr<projects::RunRecorder>> HostedRuns::recorderFor(const std::string& folder,
                                                                               const std::string& recipe,
                                                                               engine::StepIndex steps) {
    const fs::path place = projects::Project::projectOfRun(folder);
    if (place.empty()) return nullptr;
    std::shared_ptr<projects::Project> project;
    {
        const std::lock_guard lock(m_mutex);
        project = m_projects[place.string()].lock();
    }
    if (!project) {
        auto opened = projects::Project::open(place);
        if (!opened) return tl::unexpected(opened.error());
        project = *opened;
        const std::lock_guard lock(m_mutex);
        m_projects[place.string()] = project;
    }
    return projects::RunRecorder::claim(project, fs::path(folder).filename().string(), "engine", recipe,
                                        steps);
}

template <class Begin>
engine::Result<std::string> HostedRuns::begin(const std::string& folder, const std::string& recipe,
                                              engine::StepIndex steps, Begin begin) {
    {
        const std::lock_guard lock(m_mutex);
        const auto found = m_runs.find(folder);
        if (found != m_runs.end() && (!found->second.run || !hasEnded(found->second.run->state())))
            return engine::fail(ErrorCode::RunBusy, {{"run", folder}});
        if (found != m_runs.end()) m_runs.erase(found);
    }
    auto recorder = recorderFor(folder, recipe, steps);
    if (!recorder) return tl::unexpected(recorder.error());
    const auto observer = std::make_shared<Observer>(folder, *recorder, m_publish);
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
    for (const Status& status : list())
        if (!hasEnded(status.state)) return true;
    return false;
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
        if (entry.run && entry.run->state() == engine::RunState::Running) entry.run->checkpoint();
}

void HostedRuns::retire() {
    std::vector<Entry> ended;
    {
        const std::lock_guard lock(m_mutex);
        for (auto it = m_runs.begin(); it != m_runs.end();) {
            if (!it->second.run || !hasEnded(it->second.run->state())) {
                ++it;
                continue;
            }
            ended.push_back(std::move(it->second));
            it = m_runs.erase(it);
        }
    }
    for (Entry& entry : ended)
        entry.run->wait();
}

}  // namespace caravan::host
