// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/api/engine.h"
#include "engine/checkpoint/checkpoint_store.h"
#include "engine/data/batch_source.h"
#include "engine/data/data_set.h"
#include "engine/generate/generator.h"
#include "engine/model/model.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/train/prefetch.h"
#include "engine/train/routing_monitor.h"
#include "engine/train/run_folder.h"
#include "engine/train/stepper.h"

namespace caravan::engine::train {

struct SessionOptions {
    at::Device device = at::kCPU;
    int threads = 0;  // 0 = physical cores
};

// A run on its own thread (TuningRun): reads model and data, tunes, writes the run folder. Between steps it
// looks at what was asked of it. Paused, everything stays in memory and withModel() may use the weights.
class Session final : public TuningRun {
  public:
    // Checks what can be checked without reading weights (throws EngineException), makes the folder, starts
    // the thread.
    static std::shared_ptr<Session> start(const RunRequest& request, std::shared_ptr<RunObserver> observer,
                                          const SessionOptions& options);
    static std::shared_ptr<Session> resumeRun(const ResumeRequest& request,
                                              std::shared_ptr<RunObserver> observer,
                                              const SessionOptions& options);
    ~Session() override;

    void pause() override;
    void resume() override;
    void stop() override;
    void checkpoint() override;
    void sampleNow() override;
    void cancel() override;
    Result<void> change(const std::string& key, const std::string& value) override;
    [[nodiscard]] RunState state() const override { return m_state.load(); }
    [[nodiscard]] StepIndex step() const override { return m_step.load(); }
    [[nodiscard]] std::string folder() const override { return m_folder.path().string(); }
    RunState wait() override;

    // f with the paused run's weights, on the calling thread; the run waits for it. RunBusy unless paused.
    Result<void> withModel(const std::function<void(model::Model&, const Tokenizer&)>& f);

  private:
    enum class Verdict { GoOn, Stop, Cancel };
    struct Wishes {  // what other threads asked for; guarded by m_mutex
        bool pause = false, stop = false, checkpoint = false, sample = false;
        std::deque<Change> changes;
    };

    Session(std::filesystem::path runFolder, std::shared_ptr<RunObserver> observer,
            const SessionOptions& options, RunLimits limits);
    void launch();

    // session.cpp: life
    void work();
    void prepare();
    void loadModel();
    void restoreCheckpoint();
    void restoreState(const checkpoint::CheckpointState& state);
    void makeStepper();
    void wish(const std::function<void(Wishes&)>& set);
    Verdict heed();  // between steps: pauses, saves, samples as asked
    Verdict waitPaused(std::optional<Error> reason);
    void setState(RunState state, std::optional<Error> reason = {});
    void emit(const RunEvent& event);
    void log(const std::string& level, const std::string& text);
    void progress(const Progress& progress);

    // session_steps.cpp: work
    void tune();
    [[nodiscard]] bool finishTuning();
    void oneStep(StepIndex step);
    void readReports(std::size_t leave);
    void publish(const StepReport& report);
    void guard(const StepReport& report);
    void rollBack(bool weightsTouched);
    void restart();
    void judge(const Evaluation& evaluation);
    [[nodiscard]] bool done() const { return m_step >= m_steps || m_stoppedEarly; }
    void afterStep(StepIndex step);
    void evaluateAt(StepIndex step);
    void sampleAt(StepIndex step);
    void save();
    void flushRouting();
    void restartPrefetch();
    [[nodiscard]] static double settingIn(const Recipe& recipe, const std::string& key);
    [[nodiscard]] double settingAt(StepIndex step, const std::string& key, double base) const;
    void adoptChanges(StepIndex step);

    RunFolder m_folder;
    std::shared_ptr<RunObserver> m_observer;
    SessionOptions m_options;
    RunLimits m_limits;
    Recipe m_recipe;
    std::optional<std::filesystem::path> m_checkpoint;  // to resume from

    std::unique_ptr<Tokenizer> m_tokenizer;
    std::unique_ptr<model::Model> m_model;
    std::optional<DataSet> m_data;
    std::optional<BatchSource> m_source, m_clock;  // the prefetch thread's; this thread's
    std::unique_ptr<Prefetch> m_prefetch;
    std::unique_ptr<Stepper> m_stepper;
    std::optional<RoutingMonitor> m_monitor;
    std::optional<AlarmWatch> m_alarms;
    std::optional<checkpoint::CheckpointStore> m_store;
    std::vector<TokenBatch> m_batches;  // of the step at work; kept when it ran out of memory
    std::int64_t m_microBatchTokens = 0;
    StepIndex m_steps = 0, m_routingStride = 1, m_savedStep = -1, m_evaluatedStep = -1;
    std::vector<Change> m_changes;  // in the order in which they were made
    std::int64_t m_skipped = 0, m_badInRow = 0, m_tokens = 0, m_answerTokens = 0;
    std::optional<Evaluation> m_evaluation, m_best;  // m_best: of those with a checkpoint
    std::optional<double> m_lowest;                  // best mean of any evaluation
    std::int64_t m_sinceLowest = 0;                  // evaluations since
    bool m_stoppedEarly = false;
    std::chrono::steady_clock::time_point m_begin{},
        m_mark{};  // first step; end of the step before, or of what came between
    std::optional<Error> m_pauseReason;

    std::atomic<RunState> m_state{RunState::Created};
    std::atomic<StepIndex> m_step{0};
    std::mutex m_mutex;
    std::condition_variable_any m_changed;
    Wishes m_wishes;
    bool m_ended = false;
    std::mutex m_modelMutex;  // held by the run's thread except while it waits paused
    std::stop_source
        m_stop;  // not the thread's own: its thread would read that while launch() still writes it
    std::jthread m_thread;
};

}  // namespace caravan::engine::train
