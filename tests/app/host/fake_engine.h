// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "engine/api/engine.h"
#include "engine/api/event_json.h"

namespace caravan::host::testing {

using namespace engine;

// A run that steps as fast as the test says and writes metrics.jsonl first, as the engine does.
class FakeRun : public TuningRun {
  public:
    FakeRun(std::string folder, std::shared_ptr<RunObserver> observer, StepIndex steps,
            std::chrono::microseconds pace)
        : m_folder(std::move(folder)), m_observer(std::move(observer)), m_steps(steps), m_pace(pace) {
        std::filesystem::create_directories(m_folder);
        m_file.open(m_folder + "/metrics.jsonl", std::ios::app);
        m_thread = std::thread([this] { loop(); });
    }
    ~FakeRun() override {
        cancel();
        wait();
    }
    void pause() override { m_want = RunState::Paused; }
    void resume() override { m_want = RunState::Running; }
    void stop() override { m_want = RunState::Stopped; }
    void cancel() override { m_want = RunState::Failed; }
    void checkpoint() override { ++checkpoints; }
    void sampleNow() override {}
    Result<void> change(const std::string& key, const std::string& value) override {
        if (key != "tune.learning_rate")
            return fail(ErrorCode::UnknownKey, {{"key", key}, {"nearest", "tune.learning_rate"}});
        changed = value;
        return {};
    }
    [[nodiscard]] RunState state() const override { return m_state; }
    [[nodiscard]] StepIndex step() const override { return m_step; }
    [[nodiscard]] std::string folder() const override { return m_folder; }
    RunState wait() override {
        const std::lock_guard lock(m_join);
        if (m_thread.joinable()) m_thread.join();
        return m_state;
    }
    std::atomic<int> checkpoints{0};
    std::string changed;

  private:
    void say(const RunEvent& event) {
        if (!std::holds_alternative<RoutingRecord>(event)) m_file << toJson(event).dump() << std::endl;
        m_observer->onEvent(event);
    }
    void become(RunState to) {
        StateChange change;
        change.from = m_state;
        change.to = to;
        change.run = m_folder;
        change.step = m_step;
        say(change);
        m_state = to;
    }
    void loop() {
        become(RunState::Running);
        while (m_step < m_steps) {
            const RunState want = m_want;
            if (want == RunState::Stopped || want == RunState::Failed) return become(want);
            if (want == RunState::Paused) {
                if (m_state != RunState::Paused) become(RunState::Paused);
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
                continue;
            }
            if (m_state == RunState::Paused) become(RunState::Running);
            std::this_thread::sleep_for(m_pace);
            StepMetrics m;
            m.step = ++m_step;
            m.loss = 1.0 / static_cast<double>(m_step);
            say(m);
            RoutingRecord r;
            r.step = r.firstStep = m_step;
            r.layers = {0};
            r.experts = 8;
            r.topK = 2;
            r.domains = {"d"};
            r.values.assign(64, static_cast<float>(m_step));
            say(r);
        }
        become(RunState::Finished);
    }
    std::string m_folder;
    std::ofstream m_file;
    std::shared_ptr<RunObserver> m_observer;
    StepIndex m_steps;
    std::chrono::microseconds m_pace;
    std::atomic<RunState> m_state{RunState::Loading}, m_want{RunState::Running};
    std::atomic<StepIndex> m_step{0};
    std::mutex m_join;
    std::thread m_thread;
};

class FakeEngine : public Engine {
  public:
    std::chrono::microseconds pace{1000};
    std::atomic<int> generating{0};
    std::atomic<double> watts{-1}, celsius{-1};
    DeviceStatus device() override {
        return {.name = "Fake", .memoryUsed = 1, .memoryTotal = 2, .powerWatts = watts, .celsius = celsius};
    }
    Result<StepZeroProof> proveStepZero(const Recipe&, const std::string&, const ProgressFunction& progress,
                                        std::stop_token) override {
        progress({"proving", 1, 2});
        return StepZeroProof{.tokens = 7};
    }
    Result<DryStep> dryStep(const Recipe&, const std::string&, const ProgressFunction&,
                            std::stop_token) override {
        throw std::runtime_error("a bug");
    }
    Result<UpcycleOutcome> upcycle(const Recipe&, const std::string&, const std::string&,
                                   const ProgressFunction&, std::stop_token) override {
        return fail(ErrorCode::Failed, {});
    }
    Result<std::shared_ptr<TuningRun>> startRun(const RunRequest& request,
                                                std::shared_ptr<RunObserver> observer) override {
        if (request.recipe.model.path == "missing")
            return fail(ErrorCode::FileMissing, {{"file", "missing"}});
        return std::make_shared<FakeRun>(request.runFolder, std::move(observer),
                                         request.recipe.tune.steps.value_or(10), pace);
    }
    Result<std::shared_ptr<TuningRun>> resumeRun(const ResumeRequest& request,
                                                 std::shared_ptr<RunObserver> observer) override {
        return std::make_shared<FakeRun>(request.runFolder, std::move(observer), 5, pace);
    }
    // One token per word of the prompt; "forever" until stopped.
    Result<GenerateSummary> generate(const ModelSource&, const std::vector<ChatMessage>& messages,
                                     const GenerateOptions& options, const TokenFunction& token,
                                     const ProgressFunction&, std::stop_token stop) override {
        ++generating;
        GenerateSummary summary;
        for (std::int64_t i = 0; i < options.maxTokens; ++i) {
            if (stop.stop_requested()) {
                --generating;
                return fail(ErrorCode::Interrupted, {});
            }
            TokenEvent t;
            t.id = static_cast<std::int32_t>(i);
            t.bytes = t.text = messages.back().content;
            token(t);
            summary.text += t.text;
            if (messages.back().content == "forever")
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        --generating;
        summary.finish = "length";
        return summary;
    }
    Result<EvaluateOutcome> evaluate(const ModelSource& model, const std::vector<DomainFile>&,
                                     const ProgressFunction&, std::stop_token) override {
        return EvaluateOutcome{model.path, {{"general", 1.5}}, 1.5};
    }
    Result<RoutingStatistics> routing(const ModelSource&, const std::vector<DomainFile>&,
                                      const ProgressFunction&, std::stop_token) override {
        return RoutingStatistics{};
    }
    Result<void> probe(const ModelSource&, const ProbeRequest&, std::stop_token) override { return {}; }
    // "forever" until stopped.
    Result<ExportOutcome> exportModel(const ModelSource& source, const ExportRequest& request,
                                      const ProgressFunction& progress, std::stop_token stop) override {
        ++exports;
        progress({"writing weights", 1, 2});
        while (source.path == "forever" && !stop.stop_requested())
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        if (stop.stop_requested()) return fail(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
        std::filesystem::create_directories(request.folder);
        std::ofstream(request.folder + "/asked.json")
            << nlohmann::json{{"source", source}, {"format", request.format}};
        return ExportOutcome{0.25, 1234};
    }
    std::atomic<int> exports{0};
    void unload() override {}
};

}  // namespace caravan::host::testing
