// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/plan/plan.h"

#include <algorithm>
#include <cmath>

#include "engine/api/routing_file.h"
#include "engine/formats/dtypes.h"
#include "engine/formats/model_folder.h"
#include "engine/plan/graph.h"

// Formulas: methods.md section 1 (counts), performance.md (operations, what a step saves), and what the
// engine holds: master values, gradients and moments in float32, a working copy in the compute type; with
// tune.trained bf16 values and gradients in that alone.
namespace caravan::engine {
namespace {

constexpr double kNf4Bits =
    4.0 + 8.0 / 64 + 32.0 / (64 * 256);  // codes, 8-bit absmax, its float32 scale: 4.127
constexpr std::int64_t kDefaultSequence = 2048;
constexpr std::int64_t kDefaultMicroBatchCpu = 2048, kDefaultMicroBatchCuda = 16384;  // tokens
constexpr double kActivationBudgetCuda = 32e9;  // bytes, for the default micro-batch
constexpr Bytes kContextCuda = Bytes{640} << 20,
                kContextCpu = Bytes{320} << 20;  // libraries and their workspaces
constexpr std::int64_t kLogitsCpu = std::int64_t{1} << 21,
                       kLogitsCuda = std::int64_t{1} << 27;  // elements of a chunk
constexpr std::int64_t kCheckpointsKept = 4;                 // the last three and the best

std::int64_t ceilDiv(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}
Bytes bytesFrom(double value) {
    return static_cast<Bytes>(std::llround(value));
}

// What follows from recipe and device for the arithmetic below.
struct Setting {
    const Recipe& recipe;
    const ModelConfig& model;
    DeviceKind device;
    [[nodiscard]] bool nf4() const {
        return recipe.model.quantization == Quantization::Nf4 || model.quantizedNf4;
    }
    [[nodiscard]] std::int64_t width() const {  // bytes of a computed value
        const Compute compute = recipe.tune.compute;
        return compute == Compute::Bf16 || (compute == Compute::Auto && device == DeviceKind::Cuda) ? 2 : 4;
    }
    [[nodiscard]] std::int64_t sparseLayers() const {
        return model.moe ? static_cast<std::int64_t>(model.moe->layers.size()) : 0;
    }
    [[nodiscard]] std::int64_t loraTargets() const {
        return recipe.tune.loraRank > 0 ? static_cast<std::int64_t>(recipe.tune.loraTargets.size()) : 0;
    }
};

std::int64_t linearWeights(const ModelConfig& model) {
    std::int64_t sum = 0;
    for (const LinearShape& linear : layerLinears(model))
        sum += linear.out * linear.in;
    return sum;  // of one layer
}

// Values that one token leaves for the backward pass, over all layers.
double savedPerToken(const Setting& s) {
    const ModelConfig& m = s.model;
    const auto layers = static_cast<double>(m.layers), sparse = static_cast<double>(s.sparseLayers());
    const auto hidden = static_cast<double>(m.hidden);
    if (s.recipe.tune.recompute == Recompute::All) return layers * hidden;
    // x, residual after attention; query, attention's output; key, value
    double perLayer =
        2 * hidden + 2 * static_cast<double>(m.queryWidth()) + 2 * static_cast<double>(m.keyWidth());
    if (m.qkNorm) perLayer += static_cast<double>(m.queryWidth() + m.keyWidth());
    const bool rows = s.recipe.tune.recompute == Recompute::None && s.device == DeviceKind::Cuda;
    if (s.recipe.tune.recompute == Recompute::None || s.recipe.tune.recompute == Recompute::Rows)
        perLayer += 2 * static_cast<double>(m.intermediate);
    perLayer += static_cast<double>(s.loraTargets() * s.recipe.tune.loraRank);
    double saved = layers * perLayer;
    // the shared FFN's output, or as the adapters' inputs have it, and what the chosen ones' bottlenecks held
    if (m.moe)
        saved += sparse *
                 static_cast<double>((rows ? m.moe->topK : 1) * m.hidden + m.moe->topK * m.moe->adapterSize);
    return saved;
}

// Float32 values per token beside them: row statistics, log-sum-exp, the router's probabilities.
double statisticsPerToken(const Setting& s) {
    double values = static_cast<double>(s.model.layers * (2 + s.model.heads));
    if (s.model.moe)
        values += static_cast<double>(s.sparseLayers() * (2 * s.model.moe->experts + 4 * s.model.moe->topK));
    return values;
}

Bytes activationBytes(const Setting& s, std::int64_t tokens) {
    const double perToken = savedPerToken(s) * static_cast<double>(s.width()) + statisticsPerToken(s) * 4.0;
    double layerAgain = 0;  // the layer being recomputed holds its full set
    if (s.recipe.tune.recompute == Recompute::GateUp || s.recipe.tune.recompute == Recompute::All) {
        Recipe full = s.recipe;
        full.tune.recompute = Recompute::Rows;
        layerAgain = savedPerToken({full, s.model, s.device}) / static_cast<double>(s.model.layers) *
                     static_cast<double>(s.width());
    }
    return bytesFrom((perToken + layerAgain) * static_cast<double>(tokens));
}

// Temporary tensors at the peak of a layer's backward, the chunk of logits, and the matrix that NF4 is
// widened into.
Bytes workspaceBytes(const Setting& s, std::int64_t tokens) {
    const ModelConfig& m = s.model;
    const std::int64_t temporaries = tokens * (4 * m.intermediate + 8 * m.hidden) * s.width();
    const std::int64_t chunk =
        std::max<std::int64_t>(64, (s.device == DeviceKind::Cuda ? kLogitsCuda : kLogitsCpu) / m.vocabulary);
    const std::int64_t logits = std::min(chunk, tokens) * m.vocabulary * s.width();
    const std::int64_t largest = std::max(2 * m.intermediate, m.queryWidth() + 2 * m.keyWidth()) * m.hidden;
    // An input's rounded values live for their product, as a widened matrix does elsewhere.
    const bool fp8 = s.recipe.tune.dequantization == Dequantization::Fp8;
    const std::int64_t rounded = fp8 ? tokens * 2 * m.intermediate * (s.width() == 4 ? 4 : 1) : 0;
    const std::int64_t widened = (s.nf4() ? largest * s.width() : 0) + rounded;
    // Graphs keep their temporaries; the loss between them has its own memory, and both read the last hidden
    // state and its gradient.
    if (s.device == DeviceKind::Cuda && s.recipe.tune.graph == StepGraph::Auto && tokens <= kMostGraphTokens)
        return temporaries + logits + 2 * tokens * m.hidden * s.width() + widened;
    return std::max(temporaries, logits) + widened;
}

// The frozen matrices once more for each direction of the CPU's products.
Bytes panelBytes(const Setting& s, std::int64_t linears, std::int64_t head) {
    if (s.device != DeviceKind::Cpu || s.width() != 4) return 0;
    const Bytes bytes = ((s.nf4() ? 0 : linears) + head) * s.width();
    return bytes > kMostPanels ? 0 : 2 * bytes;
}

// Of a frozen weight beside what it is stored as: widened, or rounded to e4m3 once for each direction (on the
// CPU the rounded values in fp32).
double keptBytes(const Setting& s) {
    switch (s.recipe.tune.dequantization) {
        case Dequantization::Stream:
            return 0;
        case Dequantization::Cache:
            return s.nf4() ? static_cast<double>(s.width()) : 0;
        case Dequantization::Fp8:
            return s.device == DeviceKind::Cuda ? 2 : 8;
    }
    return 0;
}

// Of a trained value: what is kept, and a copy in the compute type where that is another.
struct TrainedBytes {
    std::int64_t kept, working;
};
TrainedBytes trainedBytes(const Setting& s) {
    const std::int64_t kept = s.recipe.tune.trained == TrainedValues::Bf16 ? 2 : 4;
    return {kept, s.width() == kept ? 0 : s.width()};
}

// bf16 gradients: float32 sums of the layer at work, the largest one's.
Bytes stageBytes(const Setting& s) {
    if (s.recipe.tune.trained != TrainedValues::Bf16) return 0;
    const std::int64_t lora = countLora(s.model, s.recipe.tune.loraRank, s.recipe.tune.loraTargets);
    std::int64_t layer = lora / std::max<std::int64_t>(1, s.model.layers);
    if (s.model.moe) layer += s.model.moe->experts * s.model.hidden * (2 * s.model.moe->adapterSize + 1);
    return layer * 4;
}

std::vector<MemoryItem> memoryItems(const Setting& s, const ParameterCounts& counts, std::int64_t trainable,
                                    std::int64_t tokens) {
    const std::int64_t linears = s.model.layers * linearWeights(s.model);
    const std::int64_t others = counts.dense() - counts.embeddings - counts.head - linears;  // norms, biases
    const double stored = s.nf4() ? kNf4Bits / 8 : static_cast<double>(s.width());
    const double weightBytes = stored + keptBytes(s);
    const double moments = s.recipe.tune.optimizer == OptimizerKind::AdamW8bit ? 2.0 + 2.0 * 4 / 256 : 8.0;
    const TrainedBytes trained = trainedBytes(s);
    return {{"base_weights", bytesFrom(static_cast<double>(linears) * weightBytes) + others * s.width()},
            {"embeddings", (counts.embeddings + counts.head) * s.width()},
            {"trainable", trainable * (trained.kept + trained.working)},
            {"gradients", trainable * trained.kept + stageBytes(s)},
            {"optimizer", bytesFrom(static_cast<double>(trainable) * moments)},
            {"activations", activationBytes(s, tokens)},
            {"workspace",
             workspaceBytes(s, tokens) + panelBytes(s, linears, s.model.vocabulary * s.model.hidden)},
            {"context", s.device == DeviceKind::Cuda ? kContextCuda : kContextCpu}};
}

// Forward and backward of one token in a sequence of full length: frozen products twice (no weight
// gradients), trained ones three times, attention's backward 2.5 times its forward; what is recomputed once
// more.
double flopsPerToken(const Setting& s, std::int64_t lora, std::int64_t sequence) {
    const ModelConfig& m = s.model;
    const auto layers = static_cast<double>(m.layers);
    const double linears = 2.0 * layers * static_cast<double>(linearWeights(m));
    const double loras = 2.0 * static_cast<double>(lora);
    double adapters = 0, routers = 0;
    if (m.moe) {
        const auto sparse = static_cast<double>(s.sparseLayers());
        adapters = 2.0 * sparse * static_cast<double>(m.moe->topK * 2 * m.hidden * m.moe->adapterSize);
        routers = 2.0 * sparse * static_cast<double>(m.moe->experts * m.hidden);
    }
    std::int64_t window = sequence;
    if (m.slidingWindow && m.slidingLayers.empty()) window = std::min(window, *m.slidingWindow);
    // A causal query sees half of the keys on average: two products of 2 T/2 headSize per head.
    const double attention = layers * 2.0 * static_cast<double>(window * m.queryWidth());
    const double head = 2.0 * static_cast<double>(m.vocabulary * m.hidden);
    double flops = 2 * linears + 3 * (loras + adapters + routers) + 3.5 * attention + 2 * head;
    if (s.recipe.tune.recompute == Recompute::All) flops += linears + loras + adapters + routers + attention;
    if (s.recipe.tune.recompute == Recompute::GateUp)
        flops += layers * 4.0 * static_cast<double>(m.intermediate * m.hidden);
    return flops;
}

void addSteps(const Setting& s, const DataFacts* data, RunPlan& plan) {
    const auto& t = s.recipe.tune;
    if (t.batchSequences) plan.tokensPerStep = *t.batchSequences * plan.sequenceLength;
    if (t.steps) plan.steps = *t.steps;
    if (!data || data->rowsPerEpoch <= 0) return;
    if (!t.batchSequences)
        plan.tokensPerStep = static_cast<std::int64_t>(
            std::llround(static_cast<double>(data->tokensPerEpoch) / static_cast<double>(data->rowsPerEpoch) *
                         static_cast<double>(std::min(t.batchRows, data->rowsPerEpoch))));
    plan.steps = stepsOf(s.recipe, *data, plan.sequenceLength);
}

void addDisk(const Setting& s, const DataFacts* data, RunPlan& plan) {
    const auto& t = s.recipe.tune;
    const double moments = t.optimizer == OptimizerKind::AdamW8bit ? 2.0 + 2.0 * 4 / 256 : 8.0;
    plan.checkpointBytes = plan.parametersTrainable * trainedBytes(s).kept +
                           bytesFrom(static_cast<double>(plan.parametersTrainable) * moments) + 65536;
    std::int64_t checkpoints = 1;
    if (t.checkpointEvery > 0)
        checkpoints = plan.steps > 0 ? std::min(kCheckpointsKept, ceilDiv(plan.steps, t.checkpointEvery))
                                     : kCheckpointsKept;
    const std::int64_t cells = s.model.moe ? s.sparseLayers() * s.model.moe->experts : 0;
    const Bytes record = cells * std::max<std::int64_t>(1, data ? data->domains : 1) * 8 * 4;
    const Bytes metrics = plan.steps * (700 + (cells <= 1024 ? cells * 22 : 0) + s.sparseLayers() * 110);
    // One more checkpoint lies beside them while it is written.
    plan.diskBytes =
        (checkpoints + 1) * plan.checkpointBytes + std::min(plan.steps * record, kRoutingFileLimit) + metrics;
}

}  // namespace

std::int64_t sequenceLengthOf(const Recipe& recipe, const ModelConfig& base) {
    const std::int64_t most = base.maxPositions > 0 ? base.maxPositions : kDefaultSequence;
    return recipe.tune.sequenceLength.value_or(std::min(kDefaultSequence, most));
}

std::int64_t microBatchTokensOf(const Recipe& recipe, const ModelConfig& base, DeviceKind device) {
    if (recipe.tune.microBatchTokens) return *recipe.tune.microBatchTokens;
    const std::int64_t sequence = sequenceLengthOf(recipe, base);
    if (device == DeviceKind::Cpu) return std::max(sequence, kDefaultMicroBatchCpu);
    const auto model = plannedModel(recipe, base);
    const Setting setting{recipe, model ? *model : base, device};
    const auto perToken = static_cast<double>(activationBytes(setting, 1024)) / 1024.0;
    const auto fitting = static_cast<std::int64_t>(kActivationBudgetCuda / std::max(perToken, 1.0));
    return std::max(sequence, std::min(fitting / sequence * sequence, kDefaultMicroBatchCuda));
}

std::int64_t stepsOf(const Recipe& recipe, const DataFacts& data, std::int64_t sequenceLength) {
    const auto& t = recipe.tune;
    if (t.steps) return *t.steps;
    const auto stepsFor = [&](double share) {
        const double rows = std::ceil(static_cast<double>(data.rowsPerEpoch) * share - 1e-9);
        if (!t.batchSequences) return ceilDiv(static_cast<std::int64_t>(rows), t.batchRows);
        const auto tokens =
            static_cast<std::int64_t>(std::ceil(static_cast<double>(data.tokensPerEpoch) * share - 1e-9));
        return ceilDiv(tokens, *t.batchSequences * sequenceLength);
    };
    // The last batch of an epoch is a step of its own.
    const double whole = std::floor(t.epochs);
    const double rest = t.epochs - whole;
    return static_cast<std::int64_t>(whole) * stepsFor(1.0) + (rest > 1e-9 ? stepsFor(rest) : 0);
}

Result<RunPlan> planRun(const Recipe& recipe, const ModelConfig& base, const DataFacts* data,
                        DeviceKind device) {
    const auto model = plannedModel(recipe, base);
    if (!model) return tl::unexpected(model.error());
    const Setting setting{recipe, *model, device};
    const ParameterCounts counts = countParameters(*model);
    RunPlan plan;
    plan.sequenceLength = sequenceLengthOf(recipe, base);
    plan.microBatchTokens = microBatchTokensOf(recipe, base, device);
    plan.parametersDense = counts.dense();
    plan.parametersTotal = counts.total();
    plan.parametersActive = counts.dense();
    if (model->moe)
        plan.parametersActive += counts.routers + counts.adapters / model->moe->experts * model->moe->topK;
    plan.parametersLora = countLora(*model, recipe.tune.loraRank, recipe.tune.loraTargets);
    plan.parametersTrainable = counts.adapters + counts.routers + plan.parametersLora;
    plan.memory = memoryItems(setting, counts, plan.parametersTrainable, plan.microBatchTokens);
    for (const MemoryItem& item : plan.memory)
        plan.memoryTotal += item.bytes;
    plan.flopsPerToken = flopsPerToken(setting, plan.parametersLora, plan.sequenceLength);
    addSteps(setting, data, plan);
    addDisk(setting, data, plan);
    return plan;
}

}  // namespace caravan::engine
