// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/tuning_session.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>

#include "app/cli/run_control.h"
#include "app/engine_host/device_watch.h"
#include "app/engine_host/sleep_inhibitor.h"
#include "engine/api/alarm_text.h"
#include "engine/api/event_json.h"
#include "projects/run_recorder.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using engine::RunState;

namespace {

// Events cross from the run's thread to the main one; a slow terminal does not slow the run.
class EventQueue : public engine::RunObserver {
  public:
    explicit EventQueue(std::shared_ptr<projects::RunRecorder> recorder) : m_recorder(std::move(recorder)) {}
    void onEvent(const engine::RunEvent& event) override {
        if (m_recorder) m_recorder->onEvent(event);
        {
            const std::lock_guard lock(m_mutex);
            m_events.push_back(event);
        }
        m_arrived.notify_one();
    }
    std::deque<engine::RunEvent> take(std::chrono::milliseconds wait) {
        std::unique_lock lock(m_mutex);
        m_arrived.wait_for(lock, wait, [&] { return !m_events.empty(); });
        return std::exchange(m_events, {});
    }

  private:
    std::shared_ptr<projects::RunRecorder> m_recorder;
    std::mutex m_mutex;
    std::condition_variable m_arrived;
    std::deque<engine::RunEvent> m_events;
};

constexpr std::chrono::seconds kPowerEvery{1};

bool hasEnded(RunState state) {
    return state == RunState::Stopped || state == RunState::Finished || state == RunState::Failed ||
           state == RunState::Interrupted;
}

// What a person sees; keeps what the summary needs.
class Reporter {
  public:
    Reporter(Context& context, TuningOutcome& outcome, engine::StepIndex steps)
        : m_context(context), m_outcome(outcome), m_steps(steps) {}

    void report(const engine::RunEvent& event) {
        const bool inner = std::holds_alternative<engine::Progress>(event) ||
                           std::holds_alternative<engine::RoutingRecord>(event) ||
                           std::holds_alternative<engine::LogLine>(event);
        if (!inner) m_context.emit(engine::toJson(event));
        std::visit([this](const auto& e) { show(e); }, event);
    }
    std::optional<engine::Error> reason;
    std::optional<engine::Error> pausedBy;  // the run paused itself: disk full, out of memory, bad steps

  private:
    void show(const engine::StepMetrics& m) {
        m_outcome.step = m.step;
        m_outcome.steps.push_back(m);
        std::string line = fmt::format("step {}", m.step);
        if (m_steps > 0) line += fmt::format("/{}", m_steps);
        line += fmt::format("  loss {:.4f}  {:.0f} tokens/s", m.loss, m.tokensPerSecond);
        const auto& first = m_outcome.steps.front();
        const double made = static_cast<double>(m.step - first.step), elapsed = m.seconds - first.seconds;
        if (m_steps > m.step && made > 0 && elapsed > 0)
            line += fmt::format("  {} left",
                                durationText(static_cast<double>(m_steps - m.step) * elapsed / made));
        m_context.progressLine(line);
        if (m_context.verbose)
            m_context.note(fmt::format(
                "step {}: loss {:.4f}, balance {:.4f}, gradient norm {:.4f}, {} tokens in {:.0f}/s", m.step,
                m.loss, m.balance, m.gradientNorm, m.tokens, m.tokensPerSecond));
    }
    void show(const engine::Evaluation& e) {
        m_outcome.evaluations.push_back(e);
        std::string line = fmt::format("step {:>5}  held-out {:.4f}", e.step, e.mean);
        for (const auto& [domain, loss] : e.heldoutLoss)
            line += fmt::format("  {} {:.4f}", domain, loss);
        if (const auto* m = lastStep(); m && e.step > 0) line += fmt::format("  (loss {:.4f})", m->loss);
        m_context.print(line + "\n");
    }
    void show(const engine::Sample& s) {
        m_context.print(fmt::format("step {:>5}  sample\n  > {}\n  {}\n", s.step, s.prompt, s.text));
    }
    void show(const engine::CheckpointInfo& c) {
        m_outcome.checkpoints.push_back(c);
        m_context.print(fmt::format("step {:>5}  checkpoint {} ({})\n", c.step, c.path, bytesText(c.bytes)));
    }
    void show(const engine::Alarm& a) {
        m_outcome.alarms.push_back(a);
        const auto* m = lastStep();
        engine::AlarmFacts facts{.step = a.step, .back = lastCheckpointBefore(a.since)};
        if (facts.back == 0 && a.kind == "not_a_number") facts.back = a.since - 1;
        if (m && !m->expertLoad.empty()) facts.experts = static_cast<std::int64_t>(m->expertLoad[0].size());
        const engine::AlarmText text = engine::describe(a, facts);
        m_context.note(
            fmt::format("alarm at step {}: {} {}\n  {}", a.step, text.title, text.text, text.remedy));
    }
    void show(const engine::StateChange& change) {
        m_outcome.state = change.to;
        if (change.reason) reason = change.reason;
        if (change.to == RunState::Paused && change.reason) pausedBy = change.reason;
        if (change.to == RunState::Paused || m_context.verbose)
            m_context.note(fmt::format("{} at step {}", engine::stateWord(change.to), change.step));
    }
    void show(const engine::Progress& p) {
        if (p.stage == engine::kTuningStage) {
            if (p.total > 0) m_steps = p.total;
            return;
        }
        m_context.progress(p);
    }
    void show(const engine::RoutingRecord& r) { m_outcome.routing = r; }
    void show(const engine::LogLine& line) {
        if (m_context.verbose || line.level != "info") m_context.note(line.level + ": " + line.text);
    }
    void show(const engine::RunResult& r) { m_outcome.step = r.step; }
    // Whose weights are in force after bad steps since `since`; 0 without a checkpoint.
    [[nodiscard]] engine::StepIndex lastCheckpointBefore(engine::StepIndex since) const {
        for (auto it = m_outcome.checkpoints.rbegin(); it != m_outcome.checkpoints.rend(); ++it)
            if (it->step < since) return it->step;
        return 0;
    }
    [[nodiscard]] const engine::StepMetrics* lastStep() const {
        return m_outcome.steps.empty() ? nullptr : &m_outcome.steps.back();
    }

    Context& m_context;
    TuningOutcome& m_outcome;
    engine::StepIndex m_steps;
};

void obey(engine::TuningRun& run, const std::string& word) {
    if (word == "pause") run.pause();
    if (word == "continue") run.resume();
    if (word == "stop") run.stop();
    if (word == "checkpoint") run.checkpoint();
    if (word == "cancel") run.cancel();
}

int exitCodeOf(Context& context, const TuningOutcome& outcome, const std::string& folder,
               const std::optional<engine::Error>& reason) {
    switch (outcome.state) {
        case RunState::Finished:
            return 0;
        case RunState::Stopped:
            if (reason && reason->code != engine::ErrorCode::Interrupted) return context.fail(*reason);
            return context.fail(
                {engine::ErrorCode::Interrupted, {{"run", folder}, {"step", std::to_string(outcome.step)}}});
        default:
            return context.fail(reason.value_or(
                engine::Error{engine::ErrorCode::Failed,
                              {{"detail", "the run ended at step " + std::to_string(outcome.step)}}}));
    }
}

// Until the run has ended: events, Ctrl-C, requests. Nobody may be there to help a run that paused itself: it
// saves what it can and ends.
void follow(Context& context, engine::TuningRun& run, EventQueue& queue, Reporter& reporter,
            const std::string& folder) {
    int interrupts = 0;
    bool ended = false, helpless = false, saving = false;
    const auto save = [&] {
        saving = run.state() == RunState::Running;
        run.checkpoint();
    };
    host::SleepInhibitor sleep(
        save, [&] { return !saving; },
        [&](const std::string& text) {
            if (context.verbose) context.note(text);
        });
    while (!ended) {
        sleep.keepAwake(run.state() != RunState::Paused);
        sleep.process();
        ended = hasEnded(run.state());
        if (ended) run.wait();
        for (const auto& event : queue.take(std::chrono::milliseconds(ended ? 0 : 200))) {
            if (std::holds_alternative<engine::CheckpointInfo>(event)) saving = false;
            reporter.report(event);
        }
        if (ended) break;
        if (reporter.pausedBy && !std::exchange(helpless, true)) run.stop();
        if (const auto word = takeRequest(folder)) obey(run, *word);
        if (context.interrupts() == interrupts) continue;
        interrupts = context.interrupts();
        if (interrupts == 1) {
            context.note("stopping: the state is saved (Ctrl-C again stops at once)");
            run.stop();
        } else {
            run.cancel();
        }
    }
}

}  // namespace

TuningOutcome runTuning(Context& context, std::shared_ptr<projects::Project> project,
                        const std::string& runFolder, const std::string& recipe, engine::StepIndex steps,
                        const BeginRun& begin) {
    TuningOutcome outcome;
    std::shared_ptr<projects::RunRecorder> recorder;
    if (project) {
        auto claimed = projects::RunRecorder::claim(project, fs::path(runFolder).filename().string(), "cli",
                                                    recipe, steps);
        if (!claimed) {
            outcome.exitCode = context.fail(claimed.error());
            return outcome;
        }
        recorder = *claimed;
    }
    context.setPatient(true);
    (void)takeRequest(runFolder);  // of an earlier life
    const auto queue = std::make_shared<EventQueue>(recorder);
    const auto start = std::chrono::steady_clock::now();
    auto run = begin(queue);
    if (!run) {
        if (recorder) recorder->abandon(run.error());
        if (project) (void)project->store().flush();
        outcome.exitCode = context.fail(run.error());
        return outcome;
    }
    Reporter reporter(context, outcome, steps);
    std::optional<host::DeviceWatch> power;
    if (const auto engine = context.openEngine())  // it is open since the run began
        power.emplace(**engine, kPowerEvery, [&run] {
            std::vector<host::DeviceWatch::At> running;
            if ((*run)->state() == RunState::Running) running.push_back({(*run)->folder(), (*run)->step()});
            return running;
        });
    follow(context, **run, *queue, reporter, runFolder);
    power.reset();
    outcome.state = (*run)->state();
    outcome.step = (*run)->step();
    run->reset();
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    context.clearProgress();
    context.setPatient(false);
    if (project)
        if (const auto flushed = project->store().flush(); !flushed)
            context.note("the database misses rows of this run; projects rebuild adds them");
    outcome.exitCode =
        exitCodeOf(context, outcome, runFolder, reporter.pausedBy ? reporter.pausedBy : reporter.reason);
    if (reporter.pausedBy)
        context.note(fmt::format("The run is kept; then caravan-cli resume {} goes on.", runFolder));
    return outcome;
}

}  // namespace caravan::cli
