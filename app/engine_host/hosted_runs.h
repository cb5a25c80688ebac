// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/api/engine.h"
#include "projects/run_recorder.h"

namespace caravan::host {

// The runs of this engine: starts them, writes their events into their projects, hands the events on.
// Thread-safe.
class HostedRuns {
  public:
    // Called on the run's thread, the end of a run on that of retire(); must not block.
    using Publish = std::function<void(const std::string& run, const engine::RunEvent& event)>;
    // ending: on the run's thread when its end is near; retire() is due then.
    HostedRuns(engine::Engine& engine, Publish publish, std::function<void()> ending);
    ~HostedRuns();

    [[nodiscard]] engine::Result<std::string> start(engine::RunRequest request);  // blocks on the disk
    [[nodiscard]] engine::Result<std::string> resume(const engine::ResumeRequest& request);
    [[nodiscard]] engine::Result<std::shared_ptr<engine::TuningRun>> find(const std::string& run) const;

    struct Status {
        std::string run;
        engine::RunState state = engine::RunState::Loading;
        engine::StepIndex step = 0;
    };
    [[nodiscard]] std::vector<Status> list() const;
    [[nodiscard]] bool anyLive() const;
    [[nodiscard]] bool anyMoves() const;  // live, and not paused
    [[nodiscard]] std::optional<engine::RoutingRecord> newestRouting(const std::string& run) const;
    void stopAll();  // save and stop
    void cancelAll();
    void checkpointAll();
    [[nodiscard]] bool savesPending() const;  // of checkpointAll()
    // Joins the threads of runs that have ended, drops them and only then publishes their end: whoever hears
    // of it may start the next one. Not on a run's thread.
    void retire();
    // The queue of a project is worked on from now on: its first run starts when nothing is live, the next
    // one when that has finished or failed. A run that was stopped ends it.
    void workQueue(const std::string& project);
    // Loop thread, after retire(): starts what is due. A queue that cannot be read is given up, with the
    // reason.
    [[nodiscard]] engine::Result<void> startQueued();

  private:
    struct Observer;
    struct Entry {
        std::shared_ptr<Observer> observer;
        std::shared_ptr<engine::TuningRun> run;
    };
    template <class Begin>
    engine::Result<std::string> begin(const std::string& folder, const std::string& recipe,
                                      engine::StepIndex steps, Begin begin);
    engine::Result<std::shared_ptr<projects::RunRecorder>> recorderFor(const std::string& folder,
                                                                       const std::string& recipe,
                                                                       engine::StepIndex steps);

    void rememberQueue(const Entry& ended);
    [[nodiscard]] engine::Result<std::shared_ptr<projects::Project>> projectAt(const std::string& place);

    engine::Engine& m_engine;
    Publish m_publish;
    std::function<void()> m_ending;
    std::mutex m_retiring;  // one thread at a time
    mutable std::mutex m_mutex;
    std::map<std::string, Entry> m_runs;
    std::map<std::string, std::weak_ptr<projects::Project>> m_projects;
    std::set<std::string> m_queues;  // projects whose queue is worked on
};

}  // namespace caravan::host
