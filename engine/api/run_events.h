// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/api/ids.h"
#include "engine/api/result.h"

namespace caravan::engine {

// Run states (architecture.md); stateWord() is the one word for pill, tag, table and command line.
enum class RunState {
    Created,
    Queued,
    Loading,
    Running,
    Paused,
    Stopping,
    Stopped,
    Interrupted,
    Finished,
    Failed
};
[[nodiscard]] const char* stateWord(RunState state);  // "running"
[[nodiscard]] std::optional<RunState> stateFromWord(std::string_view word);

// One line of metrics.jsonl each (cli.md, JSON lines); toJson()/fromJson in event_json.h.
struct StepMetrics {
    StepIndex step = 0;
    double loss = 0;         // nats per answer token, without balance
    double balance = 0;      // mean over sparse layers of E sum f p; 1 = uniform; 0 when dense
    double balanceLoss = 0;  // what was added to the loss
    double learningRate = 0;
    double gradientNorm = 0;  // before clipping
    std::int64_t tokens = 0;  // of this step, no padding
    std::int64_t answerTokens = 0;
    double tokensPerSecond = 0;
    Bytes memoryBytes = 0;  // device memory in use at its peak in this step (CPU: resident set)
    double seconds = 0;     // wall seconds since the run's first step of this process
    // [sparse layers][experts] share of choices, sum 1 per layer; empty when dense or above 1,024 values
    std::vector<std::vector<float>> expertLoad;
    // per sparse layer: MaxVio, entropy / ln E, mean top probability, mean margin, mean token entropy / ln E
    std::vector<float> maxVio, entropy, confidence, margin, tokenEntropy;
    bool skipped = false;  // not finite: weights unchanged
};
struct Evaluation {
    StepIndex step = 0;
    // domain, nats per answer token; in recipe order
    std::vector<std::pair<std::string, double>> heldoutLoss;
    double mean = 0;  // unweighted over domains
};
struct Sample {
    StepIndex step = 0;
    std::string prompt, text;
};
struct CheckpointInfo {
    StepIndex step = 0;
    std::string path;  // absolute
    Bytes bytes = 0;
};
struct Alarm {
    StepIndex step = 0;
    std::string kind;  // a row of alarmTemplates() (alarm_text.h)
    std::optional<std::int64_t> layer, expert;
    double value = 0;
    StepIndex since = 0;
};
struct StateChange {
    RunState from = RunState::Created, to = RunState::Created;
    std::string run;  // absolute path of the run folder
    StepIndex step = 0;
    std::optional<Error> reason;
};
struct Progress {       // long work before and between steps
    std::string stage;  // "reading weights", "quantizing", "evaluating", "saving", ...
    std::int64_t done = 0, total = 0;
};
// Before the first step of a process the run says its plan: stage kTuningStage, done = steps done, total =
// steps planned.
inline constexpr const char* kTuningStage = "tuning";
struct RunResult {
    std::string run;
    StepIndex step = 0;
};
struct LogLine {
    std::string level, text;
};

// Load by layer x expert x domain x choice x role, counts and gate sums: the sum since the record before.
// values is [layers][experts][domains][2: first, all k][2: prompt, answer][2: count, gate sum], row-major.
struct RoutingRecord {
    StepIndex step = 0;                // last step in the sum
    StepIndex firstStep = 0;           // first step in the sum
    std::vector<std::int64_t> layers;  // indices of sparse layers
    std::int64_t experts = 0, topK = 0;
    std::vector<std::string> domains;
    std::vector<float> values;
    [[nodiscard]] std::size_t index(std::size_t layer, std::size_t expert, std::size_t domain, int choice,
                                    int role, int what) const {
        const std::size_t cell = (layer * static_cast<std::size_t>(experts) + expert) * domains.size();
        return (cell + domain) * 8 + static_cast<std::size_t>(choice * 4 + role * 2 + what);
    }
};

using RunEvent = std::variant<StepMetrics, Evaluation, Sample, CheckpointInfo, Alarm, StateChange, Progress,
                              RoutingRecord, LogLine, RunResult>;

// Called on the run's thread; must return fast and must not call back into the run.
class RunObserver {
  public:
    virtual ~RunObserver() = default;
    virtual void onEvent(const RunEvent& event) = 0;
};

}  // namespace caravan::engine
