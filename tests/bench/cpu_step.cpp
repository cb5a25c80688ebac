// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "engine/bench/random_batch.h"
#include "engine/model/model.h"
#include "engine/ops/ops.h"
#include "engine/ops/parallel.h"
#include "engine/train/stepper.h"

// The tuning step of base-16m with PESC (8 experts, top-2, adapters of 64) and LoRA of rank 64 on seven
// linears, dropout 0.1, fp32: tokens per second for the shapes that the PyTorch eager peer is measured with.
// usage: bench_cpu_step [threads] [model folder]
namespace caravan::engine {
namespace {

void measure(const std::string& folder) {
    const auto model = model::loadModel(folder, {});
    model->attachPesc({.experts = 8,
                       .topK = 2,
                       .adapterSize = 64,
                       .scaling = 1.0,
                       .layers = {0, 1, 2, 3, 4, 5, 6, 7},
                       .seed = 1});
    model->attachLora(
        {.rank = 64,
         .alpha = 16,
         .targets = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
         .seed = 1});
    model->finishAttach();
    train::Stepper stepper(*model, {.seed = 1, .domains = 2});
    StepIndex step = 0;
    const std::pair<std::int64_t, std::int64_t> shapes[] = {{4, 256}, {8, 256}, {4, 512}};
    for (const auto& [rows, length] : shapes) {
        std::vector<double> times;
        double cpu = 1e9;
        for (int i = 0; i < 8; ++i) {
            const std::vector<train::TokenBatch> batches{
                randomBatch(rows, length, 8192, static_cast<std::uint64_t>(i))};
            const std::clock_t cpuStart = std::clock();
            const auto start = std::chrono::steady_clock::now();
            stepper.run(++step, batches, 1e-3);
            const auto report = stepper.take();
            cpu = std::min(cpu, static_cast<double>(std::clock() - cpuStart) / CLOCKS_PER_SEC);
            if (i >= 2)
                times.push_back(
                    std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
            if (!report.finite) std::printf("step %lld is not finite\n", static_cast<long long>(step));
        }
        std::sort(times.begin(), times.end());
        const auto rate = [&](double seconds) { return static_cast<double>(rows * length) / seconds; };
        std::printf("%lldx%lld: %.0f tokens/s (median of 6; %.0f to %.0f), at best %.2f s of CPU\n",
                    static_cast<long long>(rows), static_cast<long long>(length),
                    rate(times[times.size() / 2]), rate(times.back()), rate(times.front()), cpu);
        std::fflush(stdout);
    }
}

}  // namespace
}  // namespace caravan::engine

int main(int argc, char** argv) {
    caravan::engine::ops::setThreads(argc > 1 ? std::atoi(argv[1]) : 0);
    caravan::engine::measure(argc > 2 ? argv[2] : CARAVAN_SOURCE_DIR "/resources/demo/base-16m");
}
