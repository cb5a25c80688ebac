// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>

#include "engine/ops/cuda_plugin.h"
#include "engine/ops/ops.h"

// Milliseconds of the operations at the shapes of a 7B layer, 8 x 2048 tokens, bf16, on the first GPU.
namespace caravan::engine::ops {
namespace {

const at::Device kGpu(at::kCUDA, 0);

// Median of 7 batches of 4 calls.
template <class F>
double seconds(F&& f) {
    const cuda::Table& table = *cudaState().table;
    f();
    f();
    std::vector<double> times;
    for (int i = 0; i < 7; ++i) {
        table.synchronize(0);
        const auto start = std::chrono::steady_clock::now();
        for (int j = 0; j < 4; ++j)
            f();
        table.synchronize(0);
        times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / 4);
    }
    std::sort(times.begin(), times.end());
    return times[3];
}

template <class F>
void bytes(const char* name, double moved, F&& f) {
    const double s = seconds(f);
    std::printf("%-24s %8.3f ms  %6.2f TB/s\n", name, s * 1e3, moved / s * 1e-12);
}
template <class F>
void flops(const char* name, double work, F&& f) {
    const double s = seconds(f);
    std::printf("%-24s %8.3f ms  %6.0f TFLOP/s\n", name, s * 1e3, work / s * 1e-12);
}

at::Tensor values(at::IntArrayRef shape, double bound = 1) {
    static std::uint64_t site = 0;
    const at::Tensor host = uniformHost({1 << 16}, bound, {.seed = ++site});
    std::int64_t n = 1;
    for (const auto size : shape)
        n *= size;
    const at::Tensor device = host.to(kGpu, at::kBFloat16);
    return device.repeat({(n + (1 << 16) - 1) / (1 << 16)}).narrow(0, 0, n).view(shape).contiguous();
}

void run() {
    const std::int64_t T = 16384, D = 4096, I = 11008, E = 8, k = 2, r = 512;
    const double t = static_cast<double>(T), row = t * static_cast<double>(D) * 2;
    const at::Tensor x = values({T, D}), g = values({T, D}), w = values({D});
    bytes("copy", 2 * row, [&] { x.clone(); });
    const auto normed = rmsNorm(x, w, 1e-5);
    bytes("rmsNorm", 2 * row, [&] { rmsNorm(x, w, 1e-5); });
    bytes("rmsNormBackward", 3 * row, [&] { rmsNormBackward(g, x, w, normed.rstd); });
    bytes("dropout", 2 * row, [&] { dropout(x, 0.1, {.seed = 1}); });
    const at::Tensor gateUp = values({T, 2 * I}), dh = values({T, I});
    const double wide = t * static_cast<double>(I) * 2;
    bytes("swiglu", 3 * wide, [&] { swiglu(gateUp.narrow(1, 0, I), gateUp.narrow(1, I, I)); });
    bytes("swigluBackward", 5 * wide,
          [&] { swigluBackward(dh, gateUp.narrow(1, 0, I), gateUp.narrow(1, I, I)); });
    const at::Tensor weight = values({I, D}, 0.02);
    const Nf4 nf4 = quantizeNf4(weight, true);
    at::Tensor out = at::empty_like(weight);
    bytes("dequantizeNf4", static_cast<double>(weight.numel()) * 2.516,
          [&] { dequantizeNf4(nf4, at::kBFloat16, out); });
    const at::Tensor stacked = values({2 * I, D}, 0.02);
    flops("linear gate|up", 4 * t * static_cast<double>(I * D), [&] { ops::linear(x, stacked); });
    const at::Tensor logits = values({T, E}).to(at::kFloat), down = values({E, r, D}, 0.1),
                     up = values({E, D, r}, 0.1);
    const Routing routing = route(logits, k);
    bytes("route", t * 8 * 12, [&] { route(logits, k); });
    const double products = 4 * t * static_cast<double>(k * D * r);
    const auto adapted = adapters(x, routing, down, up, 0.25, 0.1, {.seed = 1});
    flops("adapters", products, [&] { adapters(x, routing, down, up, 0.25, 0.1, {.seed = 1}); });
    at::Tensor dDown = at::zeros(down.sizes(), down.options().dtype(at::kFloat)),
               dUp = at::zeros(up.sizes(), dDown.options());
    flops("adaptersBackward", 2 * products,
          [&] { adaptersBackward(g, x, routing, adapted.h, down, up, 0.25, 0.1, {.seed = 1}, dDown, dUp); });
    Segments segments;
    std::vector<int> ends;
    for (int i = 0; i <= 8; ++i) {
        segments.offsets.push_back(i * 2048);
        ends.push_back(i * 2048);
    }
    segments.cumulative = at::tensor(ends, at::kInt).to(kGpu);
    segments.longest = 2048;
    const at::Tensor q = values({T, 32, 128}), key = values({T, 32, 128}), v = values({T, 32, 128});
    const auto forward = attention(q, key, v, segments, std::nullopt, true);
    const double attended = 2 * t * 2048 * static_cast<double>(D);
    flops("attention", attended, [&] { attention(q, key, v, segments, std::nullopt, true); });
    flops("attentionBackward", 2.5 * attended,
          [&] { attentionBackward(q, q, key, v, forward, segments, std::nullopt); });
    const at::Tensor head = values({32000, D}, 0.02),
                     labels = at::arange(T, at::TensorOptions().dtype(at::kLong).device(kGpu));
    flops("crossEntropy", 4 * t * 32000 * static_cast<double>(D),
          [&] { ops::crossEntropy(x, head, labels, 1e-4, true); });
    const std::int64_t n = std::int64_t{1} << 28;
    const auto single = at::TensorOptions().dtype(at::kFloat).device(kGpu);
    at::Tensor p = at::ones({n}, single), m = at::zeros({n}, single), s = at::zeros({n}, single),
               gradient = at::ones({n}, single);
    bytes("adamW 268M fp32", 28.0 * static_cast<double>(n),
          [&] { adamW(p, gradient, m, s, {.learningRate = 1e-3}, {}, {}); });
}

}  // namespace
}  // namespace caravan::engine::ops

int main() {
    const auto& state = caravan::engine::ops::openCuda();
    if (!state.table) {
        std::printf("no GPU: %s\n", state.note.c_str());
        return 0;
    }
    caravan::engine::ops::run();
}
