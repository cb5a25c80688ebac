// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/core/LegacyTypeDispatch.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "engine/bench/random_batch.h"
#include "engine/bench/random_model.h"
#include "engine/ops/cuda_plugin.h"
#include "engine/ops/timeline.h"
#include "engine/train/stepper.h"

// Tuning steps of 7B-like models (NF4 base, LoRA of rank 64 on seven linears, with or without 8 experts of
// 512, top-2) on the first GPU: tokens per second, share of the product ceiling measured in this run, peak
// memory, and a waterfall.
// usage: bench_gpu_step [7b|13b|34b|16m] [layers=N] [dense] [bf16] {setting | ROWSxLENGTH}...
// settings for the shapes behind them: dropout=P (LoRA's) adapter=P steps=N adam8 adam32
// recompute=none|gate|all cache|stream|fp8 (tune.dequantization) profile (waterfalls) loose trained=fp32|bf16
// (products and attention that need not repeat bit for bit) micro=N (micro-batches) graph|nograph
// (tune.graph)
namespace caravan::engine {
namespace {

const at::Device kGpu(at::kCUDA, 0);

struct Settings {
    std::string shape = "7b";
    std::int64_t layers = 0, micro = 1;
    int steps = 10;
    bool dense = false, nf4 = true, profile = false, cache = false, fp8 = false;
    TrainedValues trained = TrainedValues::Fp32;
    train::StepperOptions stepper{.seed = 1, .loraDropout = 0, .adapterDropout = 0.1, .domains = 3};
};

double secondsOf(const cuda::Table& table, int calls, auto&& f) {
    f();
    table.synchronize(0);
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i)
        f();
    table.synchronize(0);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / calls;
}

// TFLOP/s of a bf16 product of 8192^3 with random values
double productCeiling(const cuda::Table& table) {
    const at::Tensor a = ops::uniformHost({8192, 8192}, 1, {.seed = 1}).to(kGpu, at::kBFloat16);
    return 2 * 8192.0 * 8192.0 * 8192.0 / secondsOf(table, 20, [&] { at::mm(a, a); }) * 1e-12;
}

// Floating-point operations per token without recomputation.
double operations(const model::RandomShape& s, std::int64_t layers, bool dense, std::int64_t length) {
    const auto D = static_cast<double>(s.hidden), I = static_cast<double>(s.intermediate),
               KV = D * static_cast<double>(s.kvHeads) / static_cast<double>(s.heads);
    const double frozen = D * (D + 2 * KV) + D * D + 3 * D * I,
                 lora = 64 * (3 * D + D + 2 * KV + 2 * D + 2 * (D + I) + (D + I)),
                 attention = 7.0 * static_cast<double>(length) * D, adapters = dense ? 0 : 12.0 * 2 * D * 512;
    return static_cast<double>(layers) * (4 * frozen + 6 * lora + attention + adapters) +
           4 * D * static_cast<double>(s.vocabulary);
}

// layerWork: floating-point operations of one layer, forward and backward; ceiling in TFLOP/s
void waterfall(train::Stepper& stepper, StepIndex step, const std::vector<train::TokenBatch>& batches,
               double tokens, double layers, double layerWork, double ceiling) {
    ops::startTimeline();
    stepper.run(step, batches, 1e-5);
    const ops::PartTimes times = ops::finishTimeline();
    (void)stepper.take();
    double sum = 0;
    for (const double time : times)
        sum += time;
    for (std::size_t i = 0; i < ops::kParts; ++i)
        std::printf("    %-15s %8.1f ms  %6.2f us/token  %4.1f %%\n",
                    ops::partName(static_cast<ops::Part>(i)), times[i], times[i] * 1e3 / tokens,
                    100 * times[i] / sum);
    std::printf("    %-15s %8.1f ms  %6.2f us/token\n", "sum", sum, sum * 1e3 / tokens);
    const double layer = (sum - times[static_cast<std::size_t>(ops::Part::Loss)] -
                          times[static_cast<std::size_t>(ops::Part::Optimizer)]) /
                         layers;
    std::printf("    one layer, forward and backward: %.2f ms, %.1f %% of the product ceiling\n", layer,
                100 * layerWork / (layer * 1e-3) / (ceiling * 1e12));
}

void measure(model::Model& model, const Settings& s, const model::RandomShape& shape, std::int64_t rows,
             std::int64_t length, double ceiling) {
    train::Stepper stepper(model, s.stepper);
    const auto batchesOf = [&](int i) {
        std::vector<train::TokenBatch> batches;
        for (std::int64_t m = 0; m < s.micro; ++m)
            batches.push_back(randomBatch(rows / s.micro, length, shape.vocabulary,
                                          static_cast<std::uint64_t>(i * s.micro + m)));
        return batches;
    };
    constexpr int kWarm = 3;
    std::vector<double> times;
    double peak = 0, loss = 0, norm = 0;
    std::chrono::steady_clock::time_point last;
    const auto read = [&](int done) {
        const train::StepReport report = stepper.take();
        if (done > kWarm) times.push_back(std::chrono::duration<double>(report.finished - last).count());
        last = report.finished;
        peak = std::max(peak, static_cast<double>(report.memoryBytes));
        loss = report.lossSum / static_cast<double>(report.answerTokens);
        norm = report.gradientNorm;
    };
    std::vector<std::vector<train::TokenBatch>> all;
    for (int i = 0; i < s.steps + kWarm + 1; ++i)
        all.push_back(batchesOf(i));
    for (int i = 0; i < s.steps + kWarm + 1; ++i) {
        stepper.run(i + 1, all[static_cast<std::size_t>(i)], 1e-5);
        if (i > 0) read(i - 1);
    }
    read(s.steps + kWarm);
    std::sort(times.begin(), times.end());
    const double tokens = static_cast<double>(rows * length);
    const auto rate = [&](double seconds) { return tokens / seconds; };
    const double median = rate(times[times.size() / 2]);
    const auto layers = static_cast<std::int64_t>(model.layers().size());
    std::printf(
        "%-4s %-5s %lldx%-5lld micro %lld  lora dropout %.1f  %s %s %s  %8.0f tokens/s (%.0f to %.0f)  %4.1f "
        "%% "
        "of %.0f "
        "TFLOP/s  peak %5.1f GiB  loss %.4f norm %.4f\n",
        s.shape.c_str(), s.dense ? "dense" : "PESC", static_cast<long long>(rows),
        static_cast<long long>(length), static_cast<long long>(s.micro), s.stepper.loraDropout,
        at::globalContext().deterministicAlgorithms() ? "exact" : "loose",
        s.fp8 ? "fp8" : (s.cache ? "cached" : "stream"),
        s.stepper.graph == StepGraph::Auto ? "graph" : "plain", median, rate(times.back()),
        rate(times.front()), 100 * median * operations(shape, layers, s.dense, length) / (ceiling * 1e12),
        ceiling, peak / (1 << 30), loss, norm);
    const double head = 4.0 * static_cast<double>(shape.hidden * shape.vocabulary);
    if (s.profile)
        waterfall(stepper, s.steps + kWarm + 2, all.front(), tokens, static_cast<double>(layers),
                  tokens * (operations(shape, layers, s.dense, length) - head) / static_cast<double>(layers),
                  ceiling);
    std::fflush(stdout);
}

std::string valueOf(const std::string& argument) {
    return argument.substr(argument.find('=') + 1);
}

// True when the argument was a setting.
bool set(Settings& s, const std::string& a) {
    const auto is = [&](const char* name) { return a.compare(0, std::strlen(name), name) == 0; };
    if (a == "7b" || a == "13b" || a == "34b" || a == "16m")
        s.shape = a;
    else if (is("layers="))
        s.layers = std::stoll(valueOf(a));
    else if (is("micro="))
        s.micro = std::stoll(valueOf(a));
    else if (is("steps="))
        s.steps = std::stoi(valueOf(a));
    else if (is("dropout="))
        s.stepper.loraDropout = std::stod(valueOf(a));
    else if (is("adapter="))
        s.stepper.adapterDropout = std::stod(valueOf(a));
    else if (a == "recompute=none")
        s.stepper.recompute = Recompute::None;
    else if (a == "recompute=gate")
        s.stepper.recompute = Recompute::GateUp;
    else if (a == "recompute=all")
        s.stepper.recompute = Recompute::All;
    else if (a == "trained=fp32")
        s.trained = TrainedValues::Fp32;
    else if (a == "trained=bf16")
        s.trained = TrainedValues::Bf16;
    else if (a == "dense")
        s.dense = true;
    else if (a == "bf16")
        s.nf4 = false;
    else if (a == "cache")
        s.cache = true, s.fp8 = false;
    else if (a == "stream")
        s.cache = false, s.fp8 = false;
    else if (a == "fp8")
        s.cache = false, s.fp8 = true;
    else if (a == "profile")
        s.profile = true;
    else if (a == "noprofile")
        s.profile = false;
    else if (a == "adam8")
        s.stepper.optimizer = OptimizerKind::AdamW8bit;
    else if (a == "adam32")
        s.stepper.optimizer = OptimizerKind::AdamW;
    else if (a == "graph")
        s.stepper.graph = StepGraph::Auto;
    else if (a == "nograph")
        s.stepper.graph = StepGraph::Off;
    else if (a == "loose")
        at::globalContext().setDeterministicAlgorithms(false, false);
    else if (a == "exact")
        at::globalContext().setDeterministicAlgorithms(true, false);
    else
        return false;
    return true;
}

int run(int argc, char** argv) {
    const auto& state = ops::openCuda();
    if (!state.table) {
        std::printf("no GPU: %s\n", state.note.c_str());
        return 0;
    }
    const at::AutoDispatchBelowADInplaceOrView guard;  // as in a run
    Settings s;
    model::RandomShape shape{};
    std::unique_ptr<model::Model> model;
    const double ceiling = productCeiling(*state.table);
    std::printf("%s, bf16 product 8192^3: %.0f TFLOP/s\n", ops::cudaDeviceName(0).c_str(), ceiling);
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (set(s, argument)) continue;
        const std::size_t cross = argument.find('x');
        if (cross == std::string::npos) {
            std::printf("unknown: %s\n", argument.c_str());
            return 1;
        }
        if (!model) {
            shape = model::randomShape(s.shape);
            if (s.layers > 0) shape.layers = s.layers;
            const bool small = s.shape == "16m";
            model = model::RandomModel::make(shape, s.dense ? 0 : 8, small ? 64 : 512, s.nf4);
            model->attachLora(
                {.rank = 64,
                 .alpha = 16,
                 .targets = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
                 .seed = 1});
        }
        model->keepDequantised(s.cache);
        model->keepFp8(s.fp8);
        model->trainable().keepAs(s.trained);
        measure(*model, s, shape, std::stoll(argument.substr(0, cross)),
                std::stoll(argument.substr(cross + 1)), ceiling);
        state.table->emptyCache();
    }
    return 0;
}

}  // namespace
}  // namespace caravan::engine

int main(int argc, char** argv) {
    return caravan::engine::run(argc, argv);
}
