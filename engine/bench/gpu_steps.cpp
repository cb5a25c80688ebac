// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <numeric>

#include "engine/bench/gpu_clock.h"
#include "engine/bench/random_batch.h"
#include "engine/bench/random_model.h"
#include "engine/ops/timeline.h"
#include "engine/plan/plan.h"
#include "engine/train/stepper.h"

// Rows B4, B5, B6, B9, B13 and B14: whole tuning steps of random models, NF4 base, LoRA of rank 64 on seven
// linears, with or without 8 experts of 512, top-2; weights widened for every use (B13: products in fp8),
// equal bits every time.
namespace caravan::engine::bench {
namespace {

struct Shape {
    std::int64_t rows, length;
    double dropout;  // LoRA's
};
struct Row {
    const char *id, *model;
    bool dense;
    OptimizerKind optimizer;
    Recompute recompute;
    std::vector<Shape> shapes;
    bool fp8 = false;
    TrainedValues trained = TrainedValues::Fp32;
};

const std::vector<Row>& rowsOfSteps() {
    constexpr auto k32 = OptimizerKind::AdamW, k8 = OptimizerKind::AdamW8bit;
    static const std::vector<Row> rows{
        {"B4", "7b", false, k32, Recompute::None, {{8, 2048, 0}}},
        {"B5", "7b", false, k32, Recompute::None, {{8, 2048, 0}, {8, 2048, 0.1}, {4, 2048, 0}, {1, 512, 0}}},
        {"B6", "7b", true, k32, Recompute::None, {{8, 2048, 0}, {4, 2048, 0}, {1, 512, 0}}},
        {"B9", "13b", false, k8, Recompute::None, {{8, 2048, 0}}},
        {"B9", "34b", false, k8, Recompute::Rows, {{4, 2048, 0}}, false, TrainedValues::Bf16},
        {"B13", "7b", false, k32, Recompute::None, {{8, 2048, 0}}, true},
        {"B14", "7b", false, k8, Recompute::All, {{1, 2048, 0}}},
        {"B14", "7b", false, k8, Recompute::All, {{1, 2048, 0}}, false, TrainedValues::Bf16}};
    return rows;
}

// Layers of B4's model: enough that what a step does once counts little in a layer's share.
constexpr std::int64_t kLayersOfB4 = 4;

double operationsPerToken(const Row& row, const model::Model& model, std::int64_t length) {
    ModelConfig base = model.config();
    base.moe.reset();
    Recipe recipe;
    if (row.dense) recipe.upcycle.method = UpcycleMethod::None;
    recipe.tune.sequenceLength = length;
    return unwrap(planRun(recipe, base, nullptr, DeviceKind::Cuda)).flopsPerToken;  // of no recomputation
}

void measure(const Sheet& sheet, const Row& row, model::Model& model, const Shape& shape, double ceiling) {
    constexpr int kWarm = 3, kRepeats = 10;
    train::Stepper stepper(model, {.seed = 1,
                                   .optimizer = row.optimizer,
                                   .loraDropout = shape.dropout,
                                   .recompute = row.recompute,
                                   .domains = 3,
                                   .graph = StepGraph::Auto});
    const std::string name = std::string(row.model) + ", " + std::to_string(shape.rows) + "x" +
                             std::to_string(shape.length) + (shape.dropout > 0 ? ", LoRA dropout 0.1" : "") +
                             (row.trained == TrainedValues::Bf16 ? ", trained values in bf16" : "");
    std::vector<train::TokenBatch> batches;
    for (int i = 0; i <= kWarm + kRepeats; ++i)
        batches.push_back(
            randomBatch(shape.rows, shape.length, model.config().vocabulary, static_cast<std::uint64_t>(i)));
    std::vector<double> times;
    Bytes peak = 0;
    Clock::time_point last;
    // One step is laid out while the one before it computes.
    const auto read = [&](int done) {
        const train::StepReport report = stepper.take();
        if (done > kWarm) times.push_back(std::chrono::duration<double>(report.finished - last).count());
        last = report.finished;
        peak = std::max(peak, report.memoryBytes);
    };
    for (int i = 0; i <= kWarm + kRepeats; ++i) {
        sheet.at(std::string(row.id) + " " + name, i, kWarm + kRepeats + 1);
        stepper.run(i + 1, std::span(&batches[static_cast<std::size_t>(i)], 1), 1e-5);
        if (i > 0) read(i - 1);
    }
    read(kWarm + kRepeats);
    BenchFigure figure = Sheet::rate(row.id, name, static_cast<double>(shape.rows * shape.length), "tokens/s",
                                     spreadOf(times));
    beside(figure, figure.value * operationsPerToken(row, model, shape.length) / ceiling, ceiling * 1e-12,
           "TFLOP/s", "bf16 product of 8192^3");
    figure.peakBytes = peak;
    sheet.figure(figure);
}

// A layer's share of a step's device time: all but embedding's, head's and optimizer's work.
void measureLayer(const Sheet& sheet, model::Model& model, const Row& row, const Shape& shape,
                  double ceiling) {
    constexpr int kWarm = 3, kRepeats = 10;
    train::Stepper stepper(model, {.seed = 1, .loraDropout = shape.dropout, .domains = 3});
    std::vector<double> times;
    for (int i = 0; i < kWarm + kRepeats; ++i) {
        sheet.at(row.id, i, kWarm + kRepeats);
        const train::TokenBatch batch =
            randomBatch(shape.rows, shape.length, model.config().vocabulary, static_cast<std::uint64_t>(i));
        if (i >= kWarm) ops::startTimeline();
        stepper.run(i + 1, std::span(&batch, 1), 1e-5);
        if (i >= kWarm) {
            ops::PartTimes parts = ops::finishTimeline();
            parts[static_cast<std::size_t>(ops::Part::Loss)] = 0;
            parts[static_cast<std::size_t>(ops::Part::Optimizer)] = 0;
            times.push_back(std::accumulate(parts.begin(), parts.end(), 0.0) * 1e-3 / kLayersOfB4);
        }
        (void)stepper.take();
    }
    const double head = 4.0 * static_cast<double>(model.config().hidden * model.config().vocabulary),
                 work = static_cast<double>(shape.rows * shape.length) *
                        (operationsPerToken(row, model, shape.length) - head) / kLayersOfB4;
    BenchFigure figure = Sheet::rate(row.id, "one layer, forward and backward, 8x2048", work * 1e-12,
                                     "TFLOP/s", spreadOf(times));
    beside(figure, figure.value * 1e12 / ceiling, ceiling * 1e-12, "TFLOP/s", "bf16 product of 8192^3");
    sheet.figure(figure);
}

}  // namespace

void gpuSteps(const Sheet& sheet, const std::string& id) {
    for (const Row& row : rowsOfSteps()) {
        if (row.id != id) continue;
        sheet.at(id + " making a random " + row.model, 0, 0);
        model::RandomShape wanted = model::randomShape(row.model);
        if (id == "B4") wanted.layers = kLayersOfB4;
        const auto model = model::RandomModel::make(wanted, row.dense ? 0 : 8, 512, true);
        model->attachLora({.rank = 64, .alpha = 16, .targets = Recipe{}.tune.loraTargets, .seed = 1});
        model->keepFp8(row.fp8);
        model->trainable().keepAs(row.trained);
        const double ceiling = gpuProductCeiling();
        for (const Shape& shape : row.shapes) {
            gpuTable().emptyCache();
            if (id == "B4")
                measureLayer(sheet, *model, row, shape, ceiling);
            else
                measure(sheet, row, *model, shape, ceiling);
        }
    }
    gpuTable().emptyCache();
}

}  // namespace caravan::engine::bench
