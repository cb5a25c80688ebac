// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>
#include <cstdlib>
#include <string>

#include "engine/model/model.h"
#include "engine/ops/ops.h"
#include "engine/ops/parallel.h"

// Decoding of base-16m, dense, batch 1, fp32: tokens per second, the weights' bytes it reads, and the share
// of the measured read bandwidth. usage: bench_cpu_decode [threads] [model folder]
namespace caravan::engine {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Bytes per second of a plain sum over a buffer as large as the weights.
double readBandwidth(std::int64_t bytes) {
    const at::Tensor buffer = at::ones({bytes / 4}, at::kFloat);
    double best = 1e9;
    for (int i = 0; i < 12; ++i) {
        const auto start = Clock::now();
        const at::Tensor sum = buffer.sum();
        best = std::min(best, since(start));
        if (sum.item<float>() < 1) std::printf("?\n");
    }
    return static_cast<double>(bytes) / best;
}

void measure(const std::string& folder) {
    const auto model = model::loadModel(folder, {});
    const std::int64_t bytes = model->weightBytes();
    auto cache = model->makeCache(256);
    std::int32_t next = 1;
    std::vector<double> times;
    for (int i = 0; i < 200; ++i) {
        const auto start = Clock::now();
        const std::int32_t ids[] = {next};
        const at::Tensor hidden = model->decode(ids, cache);
        next = static_cast<std::int32_t>(model->logits(hidden).argmax().item<std::int64_t>());
        if (i >= 20) times.push_back(since(start));
    }
    std::sort(times.begin(), times.end());
    const double bandwidth = readBandwidth(bytes), median = times[times.size() / 2];
    std::printf(
        "decode: %.0f tokens/s (median; best %.0f), %.1f MB of weights, %.1f GB/s of %.1f GB/s read "
        "bandwidth: %.0f %%\n",
        1 / median, 1 / times.front(), static_cast<double>(bytes) * 1e-6,
        static_cast<double>(bytes) / median * 1e-9, bandwidth * 1e-9,
        100 * static_cast<double>(bytes) / median / bandwidth);
}

}  // namespace
}  // namespace caravan::engine

int main(int argc, char** argv) {
    caravan::engine::ops::setThreads(argc > 1 ? std::atoi(argv[1]) : 0);
    caravan::engine::measure(argc > 2 ? argv[2] : CARAVAN_SOURCE_DIR "/resources/demo/base-16m");
}
