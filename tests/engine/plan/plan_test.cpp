// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/plan/plan.h"

#include <gtest/gtest.h>

#include "engine/formats/dtypes.h"
#include "engine/formats/model_folder.h"

namespace caravan::engine {
namespace {

struct Sizes {
    std::int64_t hidden, intermediate, layers, heads, kvHeads, vocabulary;
};
ModelConfig llama(const Sizes& s) {
    ModelConfig c;
    c.hidden = s.hidden;
    c.intermediate = s.intermediate;
    c.layers = s.layers;
    c.heads = s.heads;
    c.kvHeads = s.kvHeads;
    c.headSize = s.hidden / s.heads;
    c.vocabulary = s.vocabulary;
    c.maxPositions = 4096;
    return c;
}
const ModelConfig k7b = llama({4096, 11008, 32, 32, 32, 32000});
const ModelConfig k13b = llama({5120, 13824, 40, 40, 40, 32000});
const ModelConfig k34b = llama({7168, 20480, 60, 56, 8, 64000});

Recipe paper() {
    Recipe r;
    r.tune.sequenceLength = 2048;
    r.tune.microBatchTokens = 8192;
    return r;
}
RunPlan planOf(const Recipe& recipe, const ModelConfig& model, const DataFacts* data = nullptr,
               DeviceKind device = DeviceKind::Cuda) {
    auto plan = planRun(recipe, model, data, device);
    EXPECT_TRUE(plan);
    return plan.value_or(RunPlan{});
}
Bytes item(const RunPlan& plan, const std::string& key) {
    for (const MemoryItem& m : plan.memory)
        if (m.key == key) return m.bytes;
    ADD_FAILURE() << "no item " << key;
    return 0;
}
double billions(std::int64_t n) {
    return static_cast<double>(n) / 1e9;
}

TEST(Plan, publishedParameterCounts) {
    const struct {
        const ModelConfig& model;
        double total, active, trainable;
    } rows[] = {{k7b, 7.813, 7.008, 1.235}, {k13b, 14.695, 13.437, 1.93}, {k34b, 37.916, 35.273, 4.02}};
    for (const auto& row : rows) {
        const RunPlan plan = planOf(paper(), row.model);
        EXPECT_NEAR(billions(plan.parametersTotal), row.total, 0.0005);
        EXPECT_NEAR(billions(plan.parametersActive), row.active, 0.0005);
        EXPECT_NEAR(billions(plan.parametersTrainable), row.trainable, 0.005);
    }
}

TEST(Plan, camelidae34bIsAsLargeAsItsCheckpoint) {
    const ModelConfig model = plannedModel(paper(), k34b).value();
    Bytes bytes = 0;
    for (const TensorSpec& tensor : expectedTensors(model)) {
        std::int64_t elements = 1;
        for (const std::int64_t size : tensor.shape)
            elements *= size;
        bytes += elements * bytesOf(DType::BF16);
    }
    EXPECT_EQ(bytes, 75'831'146'496);
    EXPECT_EQ(2 * countParameters(model).total(), 75'831'146'496);
}

TEST(Plan, operationsPerToken) {
    const struct {
        const ModelConfig& model;
        double plain, recomputed;
    } rows[] = {{k7b, 30.9, 45.2}, {k13b, 58.4, 85.9}, {k34b, 150, 222}};
    for (const auto& row : rows) {
        EXPECT_NEAR(planOf(paper(), row.model).flopsPerToken / 1e9, row.plain, row.plain * 0.003);
        Recipe again = paper();
        again.tune.recompute = Recompute::All;
        EXPECT_NEAR(planOf(again, row.model).flopsPerToken / 1e9, row.recomputed, row.recomputed * 0.004);
    }
}

TEST(Plan, savedActivations) {
    const struct {
        const ModelConfig& model;
        double rows, gateUp;  // MB per token
    } rows[] = {{k7b, 3.34, 1.93}, {k13b, 5.20, 2.99}, {k34b, 9.64, 4.72}};
    for (const auto& row : rows) {
        const auto perToken = [&](Recompute recompute) {
            Recipe r = paper();
            r.tune.recompute = recompute;
            const RunPlan plan = planOf(r, row.model);
            return static_cast<double>(item(plan, "activations")) /
                   static_cast<double>(plan.microBatchTokens) / 1e6;
        };
        EXPECT_NEAR(perToken(Recompute::Rows), row.rows, row.rows * 0.01);
        // in place of the shared FFN's output both chosen adapters' inputs
        const double more = static_cast<double>(row.model.layers * row.model.hidden) * 2 / 1e6;
        EXPECT_NEAR(perToken(Recompute::None), row.rows + more, row.rows * 0.01);
        // One layer's full set lies beside what is kept.
        EXPECT_NEAR(perToken(Recompute::GateUp), row.gateUp, row.gateUp * 0.07);
        EXPECT_LT(perToken(Recompute::All), 0.6 * perToken(Recompute::GateUp));
    }
}

TEST(Plan, weightsInMemory) {
    const RunPlan nf4 = planOf(paper(), k7b);
    const double linears = 32.0 * (4.0 * 4096 * 4096 + 3.0 * 4096 * 11008);
    EXPECT_NEAR(static_cast<double>(item(nf4, "base_weights")), linears * 4.127 / 8, linears * 0.001);
    EXPECT_EQ(item(nf4, "embeddings"), 2 * 32000 * 4096 * 2);
    EXPECT_EQ(item(nf4, "gradients"), nf4.parametersTrainable * 4);
    EXPECT_EQ(item(nf4, "optimizer"), nf4.parametersTrainable * 8);
    Recipe r = paper();
    r.model.quantization = Quantization::None;
    EXPECT_NEAR(static_cast<double>(item(planOf(r, k7b), "base_weights")), linears * 2, linears * 0.001);
    EXPECT_NEAR(static_cast<double>(item(planOf(r, k7b, nullptr, DeviceKind::Cpu), "base_weights")),
                linears * 4, linears * 0.001);
    r.tune.optimizer = OptimizerKind::AdamW8bit;
    EXPECT_LT(item(planOf(r, k7b), "optimizer"), nf4.parametersTrainable * 21 / 10);
    Bytes sum = 0;
    for (const MemoryItem& m : nf4.memory)
        sum += m.bytes;
    EXPECT_EQ(nf4.memoryTotal, sum);
    EXPECT_EQ(nf4.memory.size(), 8u);
}

// What steps took on an H200 (tests/bench/gpu_plan.cpp, RESULTS.md): tensors at their most and the context.
TEST(Plan, namesWhatStepsTookOnAGpu) {
    constexpr auto k32 = OptimizerKind::AdamW, k8 = OptimizerKind::AdamW8bit;
    const struct {
        const ModelConfig& model;
        OptimizerKind optimizer;
        Recompute recompute;
        std::int64_t rows, length;
        double peak;  // GiB
    } measured[] = {
        {k7b, k32, Recompute::Rows, 4, 2048, 51.59},    {k7b, k8, Recompute::Rows, 1, 512, 19.98},
        {k7b, k32, Recompute::GateUp, 1, 2048, 29.16},  {k7b, k8, Recompute::All, 4, 2048, 21.95},
        {k13b, k32, Recompute::All, 1, 512, 40.36},     {k13b, k8, Recompute::GateUp, 1, 512, 30.82},
        {k13b, k32, Recompute::Rows, 1, 2048, 50.26},   {k13b, k8, Recompute::Rows, 4, 2048, 70.18},
        {k34b, k32, Recompute::Rows, 1, 512, 91.14},    {k34b, k8, Recompute::Rows, 1, 2048, 82.93},
        {k34b, k8, Recompute::GateUp, 4, 2048, 102.47}, {k34b, k32, Recompute::All, 4, 2048, 95.81}};
    for (const auto& row : measured) {
        Recipe r;
        r.tune.optimizer = row.optimizer;
        r.tune.recompute = row.recompute;
        r.tune.sequenceLength = row.length;
        r.tune.microBatchTokens = row.rows * row.length;
        const double planned = static_cast<double>(planOf(r, row.model).memoryTotal) / (1 << 30);
        EXPECT_GE(planned, 0.95 * row.peak) << row.model.hidden << " " << row.rows << "x" << row.length;
        EXPECT_LE(planned, 1.10 * row.peak) << row.model.hidden << " " << row.rows << "x" << row.length;
    }
}

TEST(Plan, weightsInFp8LieBesideTheStoredOnes) {
    Recipe r = paper(), fp8 = paper();
    fp8.tune.dequantization = Dequantization::Fp8;
    const auto linears = static_cast<Bytes>(32 * (4.0 * 4096 * 4096 + 3.0 * 4096 * 11008));
    EXPECT_NEAR(static_cast<double>(item(planOf(fp8, k7b), "base_weights")),
                static_cast<double>(item(planOf(r, k7b), "base_weights") + 2 * linears), 1);
    EXPECT_GT(item(planOf(fp8, k7b), "workspace"), item(planOf(r, k7b), "workspace"));
    r.tune.dequantization = Dequantization::Cache;  // the same 2 bytes in bf16
    EXPECT_EQ(item(planOf(fp8, k7b), "base_weights"), item(planOf(r, k7b), "base_weights"));
    r.model.quantization = fp8.model.quantization = Quantization::None;
    EXPECT_NEAR(static_cast<double>(item(planOf(fp8, k7b), "base_weights")),
                static_cast<double>(item(planOf(r, k7b), "base_weights") + 2 * linears), 1)
        << "bf16 weights are kept too: held-out rows are read with them";
    EXPECT_NEAR(
        static_cast<double>(item(planOf(fp8, k7b, nullptr, DeviceKind::Cpu), "base_weights")),
        static_cast<double>(item(planOf(r, k7b, nullptr, DeviceKind::Cpu), "base_weights") + 8 * linears), 1);
}

// Row B14: 8-bit states, everything recomputed, one row of 2048.
TEST(Plan, trainedValuesInBf16TakeSixBytesLess) {
    Recipe wide;
    wide.tune.optimizer = OptimizerKind::AdamW8bit;
    wide.tune.recompute = Recompute::All;
    wide.tune.sequenceLength = wide.tune.microBatchTokens = 2048;
    Recipe narrow = wide;
    narrow.tune.trained = TrainedValues::Bf16;
    const RunPlan a = planOf(wide, k7b), b = planOf(narrow, k7b);
    const std::int64_t trainable = b.parametersTrainable;
    EXPECT_EQ(item(a, "trainable"), trainable * 6);
    EXPECT_EQ(item(b, "trainable"), trainable * 2);
    // One layer's sums in fp32: adapters, router, LoRA of rank 64 on seven linears.
    const std::int64_t stage = 4 * (8 * 4096 * (2 * 512 + 1) + 64 * (4 * (4096 + 4096) + 3 * (4096 + 11008)));
    EXPECT_EQ(item(b, "gradients"), trainable * 2 + stage);
    for (const char* same :
         {"base_weights", "embeddings", "optimizer", "activations", "workspace", "context"})
        EXPECT_EQ(item(a, same), item(b, same)) << same;
    EXPECT_EQ(a.memoryTotal - b.memoryTotal, trainable * 6 - stage);
    EXPECT_EQ(a.checkpointBytes - b.checkpointBytes, trainable * 2);
    EXPECT_GT(a.memoryTotal, Bytes{19} << 30);
    EXPECT_LT(b.memoryTotal, Bytes{13} << 30) << "what B14 asks for, the device's context included";
    // In fp32 compute a copy to compute with lies beside them: nothing is gained but the gradients' half.
    EXPECT_EQ(item(planOf(narrow, k7b, nullptr, DeviceKind::Cpu), "trainable"), trainable * 6);
    EXPECT_EQ(item(planOf(wide, k7b, nullptr, DeviceKind::Cpu), "trainable"), trainable * 4);
}

// Graphs of short micro-batches keep their temporaries while the loss has its own memory.
TEST(Plan, countsTheMemoryThatGraphsKeep) {
    Recipe r = paper(), off = paper();
    off.tune.graph = StepGraph::Off;
    const Bytes logits = Bytes{4194} * 32000 * 2, hidden = Bytes{8192} * 4096 * 2;
    EXPECT_EQ(item(planOf(r, k7b), "workspace"), item(planOf(off, k7b), "workspace") + logits + 2 * hidden);
    EXPECT_EQ(item(planOf(r, k7b), "activations"), item(planOf(off, k7b), "activations"));
    r.tune.microBatchTokens = off.tune.microBatchTokens = 10240;
    EXPECT_EQ(planOf(r, k7b).memoryTotal, planOf(off, k7b).memoryTotal) << "too long for graphs";
    r.tune.microBatchTokens = off.tune.microBatchTokens = 8192;
    EXPECT_EQ(planOf(r, k7b, nullptr, DeviceKind::Cpu).memoryTotal,
              planOf(off, k7b, nullptr, DeviceKind::Cpu).memoryTotal)
        << "none on the CPU";
}

TEST(Plan, referenceRun) {
    Recipe r;
    r.model.quantization = Quantization::None;
    r.upcycle.adapterSize = 64;
    r.tune.sequenceLength = 512;
    ModelConfig base = readModelConfig(std::string(CARAVAN_SOURCE_DIR) + "/resources/demo/base-16m").value();
    const DataFacts data{8896, 2'000'000, 3};
    const RunPlan plan = planOf(r, base, &data, DeviceKind::Cpu);
    EXPECT_EQ(plan.parametersDense, 15'735'168);
    EXPECT_EQ(plan.steps, 278);
    EXPECT_EQ(plan.tokensPerStep, 7194);
    EXPECT_GT(plan.diskBytes, plan.checkpointBytes);
}

TEST(Plan, stepsOfEpochsAndBatches) {
    Recipe r;
    const DataFacts data{100, 50'000, 1};
    r.tune.batchRows = 32;
    EXPECT_EQ(stepsOf(r, data, 512), 4);
    r.tune.epochs = 2.5;
    EXPECT_EQ(stepsOf(r, data, 512), 10);
    r.tune.epochs = 1;
    r.tune.batchSequences = 10;
    EXPECT_EQ(stepsOf(r, data, 512), 10);
    r.tune.steps = 3;
    EXPECT_EQ(stepsOf(r, data, 512), 3);
    EXPECT_EQ(planOf(Recipe{}, k7b).steps, 0);
}

TEST(Plan, denseAndPartlySparse) {
    Recipe r = paper();
    r.upcycle.method = UpcycleMethod::None;
    const RunPlan dense = planOf(r, k7b);
    EXPECT_EQ(dense.parametersTotal, dense.parametersDense);
    EXPECT_EQ(dense.parametersTrainable, dense.parametersLora);
    r = paper();
    r.upcycle.layers = "0-3,7";
    const RunPlan some = planOf(r, k7b);
    EXPECT_EQ(some.parametersTotal - some.parametersDense, 5 * 8 * (2 * 4096 * 512 + 4096));
    r.upcycle.layers = "32";
    EXPECT_FALSE(planRun(r, k7b, nullptr, DeviceKind::Cpu));
    r = paper();
    r.upcycle.topK = 9;
    EXPECT_EQ(planRun(r, k7b, nullptr, DeviceKind::Cpu).error().parameter("key"), "upcycle.top_k");
}

TEST(Plan, microBatchDefaults) {
    Recipe r;
    EXPECT_EQ(microBatchTokensOf(r, k7b, DeviceKind::Cpu), 2048);
    const std::int64_t cuda = microBatchTokensOf(r, k7b, DeviceKind::Cuda);
    EXPECT_GE(cuda, 4096);
    EXPECT_EQ(cuda % 2048, 0);
    EXPECT_LE(microBatchTokensOf(r, k34b, DeviceKind::Cuda), cuda);
    r.tune.microBatchTokens = 100;
    EXPECT_EQ(microBatchTokensOf(r, k7b, DeviceKind::Cuda), 100);
}

}  // namespace
}  // namespace caravan::engine
