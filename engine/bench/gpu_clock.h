// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/Functions.h>

#include "engine/bench/sheet.h"
#include "engine/ops/cuda_plugin.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/ops.h"

// Timing on the first GPU, and the ceilings of the rows there.
namespace caravan::engine::bench {

inline const at::Device kGpu(at::kCUDA, 0);

inline const cuda::Table& gpuTable() {
    return *ops::cudaState().table;
}

// Seconds of one call: of 11 batches of 4 calls, after one.
template <class F>
Spread gpuSeconds(F&& f) {
    constexpr int kBatches = 11, kCalls = 4;
    std::vector<double> times;
    for (int i = 0; i <= kBatches; ++i) {
        gpuTable().synchronize(0);
        const auto start = Clock::now();
        for (int j = 0; j < kCalls; ++j)
            f();
        gpuTable().synchronize(0);
        if (i > 0) times.push_back(since(start) / kCalls);
    }
    return spreadOf(times);
}

// Seconds of a graph of what `f(stream)` launches on a stream of its own, without the host's share: of 11
// replays, after three.
template <class F>
Spread gpuGraphSeconds(F&& f) {
    constexpr int kReplays = 11, kBefore = 3;
    const auto& decode = gpuTable().decode;
    const auto check = [](int error) { ops::checkLaunch("bench", error); };
    gpuTable().synchronize(0);
    kernels::cuda::Stream stream = nullptr;
    void* graph = nullptr;
    check(decode.createStream(&stream));
    check(decode.beginCapture(stream));
    f(stream);
    check(decode.endCapture(stream, &graph));
    std::vector<double> times;
    for (int i = 0; i < kBefore + kReplays; ++i) {
        const auto start = Clock::now();
        check(decode.launchGraph(graph, stream));
        check(decode.synchronizeStream(stream));
        if (i >= kBefore) times.push_back(since(start));
    }
    check(decode.destroyGraph(graph));
    check(decode.destroyStream(stream));
    return spreadOf(std::move(times));
}

// Random bf16 values in [-bound, bound): drawn once, repeated from another place each time.
[[nodiscard]] inline at::Tensor gpuValues(at::IntArrayRef shape, double bound = 1) {
    static std::uint64_t seed = 0;
    constexpr std::int64_t kDrawn = 1 << 16;
    std::int64_t n = 1;
    for (const auto size : shape)
        n *= size;
    const at::Tensor drawn = ops::uniformHost({kDrawn}, bound, {.seed = ++seed}).to(kGpu, at::kBFloat16);
    return drawn.repeat({(n + kDrawn - 1) / kDrawn}).narrow(0, 0, n).view(shape).contiguous();
}

// Bytes/s read and written by a copy of 1 GiB.
[[nodiscard]] inline double gpuCopyCeiling() {
    const at::Tensor from = gpuValues({1 << 29});
    at::Tensor to = at::empty_like(from);
    return 2.0 * static_cast<double>(from.nbytes()) / gpuSeconds([&] { to.copy_(from); }).median;
}
// FLOP/s of a bf16 product of 8192^3.
[[nodiscard]] inline double gpuProductCeiling() {
    const at::Tensor a = gpuValues({8192, 8192});
    return 2 * 8192.0 * 8192.0 * 8192.0 / gpuSeconds([&] { at::mm(a, a); }).median;
}
// Bytes/s of a sum over 4 GiB, or of a copy of it where that is faster.
[[nodiscard]] inline double gpuReadCeiling() {
    const at::Tensor buffer =
        at::ones({std::int64_t{1} << 30}, at::TensorOptions().device(kGpu).dtype(at::kFloat));
    const double sum = static_cast<double>(buffer.nbytes()) / gpuSeconds([&] { (void)buffer.sum(); }).median;
    return std::max(sum, gpuCopyCeiling());
}

inline void beside(BenchFigure& figure, double share, double ceiling, std::string unit, std::string what) {
    figure.share = share;
    figure.ceiling = ceiling;
    figure.ceilingUnit = std::move(unit);
    figure.ceilingOf = std::move(what);
}

}  // namespace caravan::engine::bench
