// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/api/model_config.h"
#include "engine/api/result.h"
#include "engine/api/run_events.h"
#include "engine/api/run_plan.h"

namespace caravan::engine {

struct EngineOptions {
    std::string device;      // "", "cpu", "cuda", "cuda:N"; "" = a working CUDA device, else the CPU
    int threads = 0;         // 0 = physical cores
    std::string pluginPath;  // of libcaravan_cuda.so; "" = beside the engine library
};
struct DeviceStatus {
    std::string name;  // "NVIDIA H200" or "CPU, 2 cores"
    bool cuda = false;
    Bytes memoryUsed = 0, memoryTotal = 0;
    double powerWatts = -1;  // < 0 unknown
    std::string note;        // why CUDA is not used, or ""
    double celsius = -1;     // of the GPU's die; < 0 unknown
    double busy = -1;        // share of the last moments with a kernel at work, 0 to 1; < 0 unknown
};

using ProgressFunction = std::function<void(const Progress&)>;

struct StepZeroProof {
    double maxAbsLogitDifference = 0;
    std::int64_t tokens = 0, logits = 0;
    std::int64_t firstDifferingLayer = -1;  // -1 = none
    double seconds = 0;
};
struct UpcycleOutcome {
    StepZeroProof proof;
    RunPlan counts;  // total, active, trainable (adapters + routers)
    std::string folder;
};
struct DryStep {  // measured on the longest batch
    double seconds = 0;
    Bytes peakBytes = 0;
    std::int64_t tokens = 0;
};

struct RunRequest {
    Recipe recipe;  // paths absolute or relative to recipeFolder
    std::string recipeFolder;
    std::string runFolder;  // absolute; created if missing, must not hold another run
    RunLimits limits;
};
struct ResumeRequest {
    std::string runFolder;
    std::optional<StepIndex> step;  // newest verified checkpoint if not said
    RunLimits limits;
};

// A run on its own thread. All members may be called from any thread and do not block, except wait().
class TuningRun {
  public:
    virtual ~TuningRun() = default;  // stops without saving, joins
    virtual void pause() = 0;        // everything stays in memory
    virtual void resume() = 0;
    virtual void stop() = 0;  // save, then stopped
    virtual void checkpoint() = 0;
    virtual void sampleNow() = 0;
    virtual void cancel() = 0;  // stop at once, nothing saved
    // Changes a setting while it runs (tune.learning_rate, tune.balance); recorded in changes.jsonl with its
    // step.
    virtual Result<void> change(const std::string& key, const std::string& value) = 0;
    [[nodiscard]] virtual RunState state() const = 0;
    [[nodiscard]] virtual StepIndex step() const = 0;
    [[nodiscard]] virtual std::string folder() const = 0;
    virtual RunState wait() = 0;  // blocks until finished, stopped, failed
};

// What answers: a model folder (dense, MoE, PEFT), RUN or RUN@STEP, or the paused run in this engine
// ("live").
struct ModelSource {
    std::string path;
    std::optional<std::string> base;  // --base for a PEFT folder
    bool live = false;                // the paused run's weights; path = its run folder
    Quantization quantization = Quantization::None;
    Compute compute = Compute::Auto;
    // What a reference run's folder does not say: of the adapters; 2 and 1 if not given. Else unused.
    std::optional<std::int64_t> topK;
    std::optional<double> scaling;
};

struct ChatMessage {
    std::string role;  // "system", "user", "assistant"
    std::string content;
};
struct SteerExpert {
    std::int64_t layer = -1;  // -1 = all layers
    std::int64_t expert = 0;
    enum class Use { Normal, Mute, Force } use = Use::Normal;
    double bias = 0;  // added to the router logit
};
struct GenerateOptions {
    std::int64_t maxTokens = 256;
    double temperature = 0.7;  // 0 = greedy
    double topP = 0.95;
    std::int64_t topKTokens = 0;  // 0 = off
    double repetitionPenalty = 1.0;
    std::vector<std::string> stop;
    std::uint64_t seed = 0;
    std::int64_t alternatives = 5;
    bool raw = false;     // no template; bos where the tokenizer has one
    bool routing = true;  // choices and gates per token
    std::vector<SteerExpert> steer;
    std::optional<std::int64_t> activeExperts;
};
struct TokenEvent {
    std::int32_t id = 0;
    std::string bytes;   // may be part of a character
    std::string text;    // complete characters that became available with this token (for streaming display)
    double logprob = 0;  // of the unmodified softmax
    double entropy = 0;  // nats
    std::int64_t rank = 1;  // 1 = the most probable
    struct Alternative {
        std::int32_t id;
        std::string text;
        double logprob;
    };
    std::vector<Alternative> alternatives;
    std::vector<std::int64_t> layers;                // sparse layers
    std::vector<std::vector<std::int32_t>> experts;  // [sparse layers][k], by falling weight
    std::vector<std::vector<float>> weights;         // [sparse layers][k]
    // [sparse layers][E] full softmax; empty if layers x experts > 1,024
    std::vector<std::vector<float>> probabilities;
};
struct GenerateSummary {
    std::string text;
    std::int64_t promptTokens = 0, tokens = 0;
    double tokensPerSecond = 0, secondsToFirstToken = 0;
    std::string finish;  // "eos", "length", "stop", "cancelled"
};
using TokenFunction = std::function<void(const TokenEvent&)>;

struct DomainFile {
    std::string path, name;
    ColumnMapping columns = {};
};
struct EvaluateOutcome {
    std::string model;
    std::vector<std::pair<std::string, double>> heldoutLoss;
    double mean = 0;
};
struct RoutingStatistics {  // methods.md section 5, one pass over a probe set
    RoutingRecord record;
    // per sparse layer
    std::vector<double> maxVio, entropy, effectiveExperts, confidence, margin, tokenEntropy;
    std::vector<std::pair<std::int64_t, std::int64_t>> dead;  // layer, expert
};
struct ProbeRequest {
    std::string idsFile, outFile;
    bool backward = false;
};
struct ExportRequest {
    std::string format;  // "camelidae", "sparsetral", "merged", "adapters"
    std::string folder;
};
struct ExportOutcome {
    double maxAbsLogitDifference = 0;
    Bytes bytes = 0;
};

// The engine as the hosts see it. Blocking methods are marked; they may be called from any thread, one model
// at a time is loaded for chat (an LRU of one) beside the run. A stop_token ends them with
// ErrorCode::Interrupted.
class Engine {
  public:
    virtual ~Engine() = default;
    [[nodiscard]] virtual DeviceStatus device() = 0;
    // blocks: reads weights
    virtual Result<StepZeroProof> proveStepZero(const Recipe& recipe, const std::string& recipeFolder,
                                                const ProgressFunction& progress, std::stop_token stop) = 0;
    virtual Result<DryStep> dryStep(const Recipe& recipe, const std::string& recipeFolder,
                                    const ProgressFunction& progress, std::stop_token stop) = 0;
    virtual Result<UpcycleOutcome> upcycle(const Recipe& recipe, const std::string& recipeFolder,
                                           const std::string& outFolder, const ProgressFunction& progress,
                                           std::stop_token stop) = 0;
    // returns at once; the observer must outlive the run
    virtual Result<std::shared_ptr<TuningRun>> startRun(const RunRequest& request,
                                                        std::shared_ptr<RunObserver> observer) = 0;
    virtual Result<std::shared_ptr<TuningRun>> resumeRun(const ResumeRequest& request,
                                                         std::shared_ptr<RunObserver> observer) = 0;
    // blocks
    virtual Result<GenerateSummary> generate(const ModelSource& model,
                                             const std::vector<ChatMessage>& messages,
                                             const GenerateOptions& options, const TokenFunction& token,
                                             const ProgressFunction& progress, std::stop_token stop) = 0;
    virtual Result<EvaluateOutcome> evaluate(const ModelSource& model, const std::vector<DomainFile>& files,
                                             const ProgressFunction& progress, std::stop_token stop) = 0;
    virtual Result<RoutingStatistics> routing(const ModelSource& model, const std::vector<DomainFile>& files,
                                              const ProgressFunction& progress, std::stop_token stop) = 0;
    virtual Result<void> probe(const ModelSource& model, const ProbeRequest& request,
                               std::stop_token stop) = 0;
    virtual Result<ExportOutcome> exportModel(const ModelSource& model, const ExportRequest& request,
                                              const ProgressFunction& progress, std::stop_token stop) = 0;
    virtual void unload() = 0;  // drops the chat model
};

// Never fails for want of a GPU: device().note says why the CPU is used, unless options.device demanded one.
[[nodiscard]] std::unique_ptr<Engine> makeEngine(const EngineOptions& options);

}  // namespace caravan::engine
