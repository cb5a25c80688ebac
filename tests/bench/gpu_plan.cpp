// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>
#include <string>

#include "engine/bench/random_batch.h"
#include "engine/bench/random_model.h"
#include "engine/ops/cuda_plugin.h"
#include "engine/plan/plan.h"
#include "engine/train/memory.h"
#include "engine/train/stepper.h"

// The memory that `caravan-cli plan` names beside what steps of random 7B, 13B and 34B models take on the
// first GPU: NF4 base, LoRA of rank 64 on seven linears, 8 experts of 512, top-2. Peak: tensors of this
// process at their most, over all steps, and what the process holds beside its tensors (context, code,
// libraries), as the plan counts it. Taken: all of the card that was not free. usage: bench_gpu_plan
// [SHAPE/OPTIMIZER/RECOMPUTE/ROWSxLENGTH[/bf16]]...   (7b|13b|34b / adamw|adam8 / none|gate|all; default:
// twelve; bf16: trained values in that alone, row B14 is 7b/adam8/all/1x2048/bf16)
namespace caravan::engine {
namespace {

struct Row {
    std::string shape;
    OptimizerKind optimizer;
    Recompute recompute;
    std::int64_t rows, length;
    TrainedValues trained = TrainedValues::Fp32;
};
constexpr auto k32 = OptimizerKind::AdamW, k8 = OptimizerKind::AdamW8bit;
// Each shape with both optimizers; every recomputation and length with each optimizer. What 141 GB hold.
const Row kTwelve[] = {{"7b", k32, Recompute::None, 4, 2048},   {"7b", k8, Recompute::None, 1, 512},
                       {"7b", k32, Recompute::GateUp, 1, 2048}, {"7b", k8, Recompute::All, 4, 2048},
                       {"13b", k32, Recompute::All, 1, 512},    {"13b", k8, Recompute::GateUp, 1, 512},
                       {"13b", k32, Recompute::None, 1, 2048},  {"13b", k8, Recompute::None, 4, 2048},
                       {"34b", k32, Recompute::None, 1, 512},   {"34b", k8, Recompute::None, 1, 2048},
                       {"34b", k8, Recompute::GateUp, 4, 2048}, {"34b", k32, Recompute::All, 4, 2048}};

constexpr const char* kRecomputeNames[] = {"none", "rows", "gate", "all"};
constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

Result<RunPlan> planOf(const Row& row, const model::Model& model) {
    Recipe recipe;
    recipe.tune.optimizer = row.optimizer;
    recipe.tune.recompute = row.recompute;
    recipe.tune.trained = row.trained;
    recipe.tune.sequenceLength = row.length;
    recipe.tune.microBatchTokens = row.rows * row.length;
    ModelConfig base = model.config();
    base.moe.reset();
    return planRun(recipe, base, nullptr, DeviceKind::Cuda);
}

// Peak of the tensors over four steps, in bytes: as of a run, from the third on launched as graphs.
Bytes measure(model::Model& model, const Row& row) {
    train::StepperOptions options{.seed = 1,
                                  .optimizer = row.optimizer,
                                  .recompute = row.recompute,
                                  .domains = 3,
                                  .graph = StepGraph::Auto};
    model.trainable().releaseTuning();
    model.trainable().keepAs(row.trained);
    ops::openCuda().table->emptyCache();
    train::Stepper stepper(model, options);
    Bytes peak = 0;
    for (int step = 1; step <= 4; ++step) {
        const train::TokenBatch batch =
            randomBatch(row.rows, row.length, model.config().vocabulary, static_cast<std::uint64_t>(step));
        stepper.run(step, std::span(&batch, 1), 1e-5);
        peak = std::max(peak, stepper.take().memoryBytes);
    }
    return peak;
}

bool print(model::Model& model, const Row& row) {
    const auto plan = planOf(row, model);
    if (!plan) return false;
    const Bytes tensors = measure(model, row);
    const cuda::DeviceMemory memory = ops::cudaMemory(0);
    const std::uint64_t taken = memory.total - memory.free, context = taken - memory.reserved;
    const double peak = static_cast<double>(tensors) + static_cast<double>(context),
                 ratio = static_cast<double>(plan->memoryTotal) / peak;
    const bool good = ratio >= 0.95 && ratio <= 1.10;
    std::printf(
        "%-4s %-5s %-4s %lldx%-4lld%s plan %6.2f GiB  peak %6.2f (context %.2f)  ratio %.3f%s  taken %6.2f |",
        row.shape.c_str(), row.optimizer == k8 ? "adam8" : "adamw",
        kRecomputeNames[static_cast<int>(row.recompute)], static_cast<long long>(row.rows),
        static_cast<long long>(row.length), row.trained == TrainedValues::Bf16 ? " bf16" : "",
        static_cast<double>(plan->memoryTotal) / kGiB, peak / kGiB, static_cast<double>(context) / kGiB,
        ratio, good ? "" : " OFF", static_cast<double>(taken) / kGiB);
    for (const MemoryItem& item : plan->memory)
        std::printf(" %s %.2f", item.key.c_str(), static_cast<double>(item.bytes) / kGiB);
    std::printf("\n");
    std::fflush(stdout);
    return good;
}

std::unique_ptr<model::Model> modelOf(const std::string& shape) {
    auto model = model::RandomModel::make(model::randomShape(shape), 8, 512, true);
    model->attachLora(
        {.rank = 64,
         .alpha = 16,
         .targets = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
         .seed = 1});
    return model;
}

// "7b/adam8/gate/4x2048"; a row of zero tokens when it is not one.
Row rowOf(const std::string& text) {
    Row row{"", k32, Recompute::None, 0, 0};
    char shape[8] = {}, optimizer[8] = {}, recompute[8] = {}, trained[8] = {};
    long long rows = 0, length = 0;
    if (std::sscanf(text.c_str(), "%7[^/]/%7[^/]/%7[^/]/%lldx%lld/%7s", shape, optimizer, recompute, &rows,
                    &length, trained) < 5)
        return row;
    const std::string part = recompute;
    row = {shape,
           std::string(optimizer) == "adam8" ? k8 : k32,
           part == "all"    ? Recompute::All
           : part == "gate" ? Recompute::GateUp
           : part == "rows" ? Recompute::Rows
                            : Recompute::None,
           rows,
           length,
           std::string(trained) == "bf16" ? TrainedValues::Bf16 : TrainedValues::Fp32};
    return row;
}

int run(int argc, char** argv) {
    const auto& state = ops::openCuda();
    if (!state.table) {
        std::printf("no GPU: %s\n", state.note.c_str());
        return 0;
    }
    std::vector<Row> rows;
    for (int i = 1; i < argc; ++i)
        rows.push_back(rowOf(argv[i]));
    if (rows.empty()) rows.assign(std::begin(kTwelve), std::end(kTwelve));
    std::printf("%s, %.1f GiB\n", ops::cudaDeviceName(0).c_str(),
                static_cast<double>(ops::cudaMemory(0).total) / kGiB);
    std::unique_ptr<model::Model> model;
    std::string shape;
    std::size_t off = 0;
    for (const Row& row : rows) {
        if (row.rows * row.length <= 0) {
            std::printf("not a row: want e.g. 7b/adam8/gate/4x2048\n");
            return 2;
        }
        if (row.shape != shape) {
            model.reset();
            state.table->emptyCache();
            model = modelOf(shape = row.shape);
        }
        try {
            if (!print(*model, row)) ++off;
        } catch (const std::exception& error) {
            std::printf("%s: %.300s\n", shape.c_str(), error.what());
            ++off;
        }
    }
    std::printf("%zu of %zu outside 0.95 to 1.10\n", off, rows.size());
    return off == 0 ? 0 : 1;
}

}  // namespace
}  // namespace caravan::engine

int main(int argc, char** argv) {
    return caravan::engine::run(argc, argv);
}
