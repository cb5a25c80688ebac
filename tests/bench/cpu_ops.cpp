// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>
#include <cstdlib>
#include <string>

#include "engine/ops/ops.h"
#include "engine/ops/parallel.h"

// Milliseconds of every operation at the shapes of base-16m's step, 4 x 256 tokens. usage: bench_cpu_ops
// [threads] [part of a name]
namespace caravan::engine::ops {
namespace {

std::string g_wanted;

template <class F>
void report(const char* name, double gigaflops, F&& f) {
    if (std::string(name).find(g_wanted) == std::string::npos) return;
    for (int i = 0; i < 3; ++i)
        f();
    double best = 1e9;
    for (int i = 0; i < 12; ++i) {
        const auto start = std::chrono::steady_clock::now();
        f();
        best =
            std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    std::printf("%-28s %8.3f ms", name, best * 1e3);
    if (gigaflops > 0) std::printf("  %6.1f GFLOP/s", gigaflops / best);
    std::printf("\n");
}
at::Tensor values(at::IntArrayRef shape, int site) {
    return uniformHost(shape, 1, {.seed = 7, .site = site});
}

void run() {
    const std::int64_t T = 1024, D = 384, I = 1024, r = 64, V = 8192, E = 8;
    const double t = static_cast<double>(T);
    const RandomKey key{.seed = 1};
    const at::Tensor x = values({T, D}, 1), w = values({D}, 2), g = values({T, D}, 3),
                     wide = values({T, 2 * I}, 4), gi = values({T, I}, 5);
    const auto normed = rmsNorm(x, w, 1e-5);
    report("rmsNorm", 0, [&] { rmsNorm(x, w, 1e-5); });
    report("rmsNormBackward", 0, [&] { rmsNormBackward(g, x, w, normed.rstd); });
    report("dropout 384", 0, [&] { dropout(x, 0.1, key); });
    report("dropout 1024", 0, [&] { dropout(gi, 0.1, key); });
    report("swiglu", 0, [&] { swiglu(wide.narrow(1, 0, I), wide.narrow(1, I, I)); });
    report("swigluBackward", 0, [&] { swigluBackward(gi, wide.narrow(1, 0, I), wide.narrow(1, I, I)); });
    const at::Tensor gateUp = values({2 * I, D}, 6), down = values({D, I}, 7), qkv = values({640, D}, 8);
    report("linear gate|up", 2e-9 * t * 2 * I * D, [&] { ops::linear(x, gateUp); });
    report("linearBackward gate|up", 2e-9 * t * 2 * I * D, [&] { linearBackward(wide, gateUp); });
    report("linear down", 2e-9 * t * I * D, [&] { ops::linear(gi, down); });
    report("linear qkv", 2e-9 * t * 640 * D, [&] { ops::linear(x, qkv); });
    at::Tensor y = at::zeros({T, D}), a = values({r, D}, 9), b = values({D, r}, 10), da = at::zeros_like(a),
               db = at::zeros_like(b), dx = at::zeros({T, D});
    at::Tensor h;
    h = loraForward(y, x, a, b, 0.25, 0, key);
    for (const double p : {0.0, 0.1}) {
        report(p > 0 ? "loraForward 384 dropout" : "loraForward 384", 4e-9 * t * r * D,
               [&] { h = loraForward(y, x, a, b, 0.25, p, key); });
        report(p > 0 ? "loraBackward 384 dropout" : "loraBackward 384", 8e-9 * t * r * D,
               [&] { loraBackward(g, x, h, a, b, 0.25, p, key, da, db, dx); });
    }
    Segments segments;
    segments.offsets = {0, 256, 512, 768, 1024};
    segments.longest = 256;
    const at::Tensor q = values({T, 6, 64}, 11), k = values({T, 2, 64}, 12), v = values({T, 2, 64}, 13),
                     go = values({T, 6, 64}, 14);
    const auto forward = attention(q, k, v, segments, std::nullopt, true);
    report("attention", 2e-9 * t * 256 * 384, [&] { attention(q, k, v, segments, std::nullopt, true); });
    report("attentionBackward", 5e-9 * t * 256 * 384,
           [&] { attentionBackward(go, q, k, v, forward, segments, std::nullopt); });
    const at::Tensor logits = values({T, E}, 15), wDown = values({E, r, D}, 16), wUp = values({E, D, r}, 17);
    const Routing routing = route(logits, 2);
    at::Tensor dDown = at::zeros_like(wDown), dUp = at::zeros_like(wUp);
    report("route", 0, [&] { route(logits, 2); });
    const auto adapted = adapters(x, routing, wDown, wUp, 1, 0.1, key);
    report("adapters", 4e-9 * 2 * t * r * D, [&] { adapters(x, routing, wDown, wUp, 1, 0.1, key); });
    report("adaptersBackward", 8e-9 * 2 * t * r * D,
           [&] { adaptersBackward(g, x, routing, adapted.h, wDown, wUp, 1, 0.1, key, dDown, dUp); });
    const at::Tensor head = values({V, D}, 18), labels = at::arange(T, at::kLong);
    report("crossEntropy", 4e-9 * t * V * D, [&] { ops::crossEntropy(x, head, labels, 1e-3, true); });
    at::Tensor p = values({6900000}, 19), gp = values({6900000}, 20), m = at::zeros_like(p),
               s = at::zeros_like(p);
    report("adamW 6.9M", 0, [&] { adamW(p, gp, m, s, {.learningRate = 1e-3}, {}, {}); });
    report("gradientNorm 6.9M", 0, [&] { gradientNorm({gp}); });
}

}  // namespace
}  // namespace caravan::engine::ops

int main(int argc, char** argv) {
    caravan::engine::ops::setThreads(argc > 1 ? std::atoi(argv[1]) : 0);
    caravan::engine::ops::g_wanted = argc > 2 ? argv[2] : "";
    caravan::engine::ops::run();
}
