// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/bench/gpu_clock.h"

// Rows B1, B3 and B12: single operations.
namespace caravan::engine::bench {
namespace {

// moved: bytes that the operation must read and write
template <class F>
void besideCopy(const Sheet& sheet, const char* row, std::string what, double moved, double copy, F&& f) {
    BenchFigure figure = Sheet::rate(row, std::move(what), moved * 1e-12, "TB/s", gpuSeconds(f));
    beside(figure, figure.value * 1e12 / copy, copy * 1e-12, "TB/s", "copy of 1 GiB");
    sheet.figure(figure);
}

void dequantisation(const Sheet& sheet) {
    const double copy = gpuCopyCeiling();
    int done = 0;
    for (const auto& [rows, columns] :
         {std::pair<std::int64_t, std::int64_t>{4096, 4096}, {11008, 4096}, {20480, 7168}}) {
        sheet.at("B1", done++, 3);
        const at::Tensor weight = gpuValues({rows, columns}, 0.02);
        const ops::Nf4 nf4 = ops::quantizeNf4(weight, true);
        at::Tensor out = at::empty_like(weight);
        const auto values = static_cast<double>(weight.numel());
        besideCopy(sheet, "B1", "NF4 to bf16, " + std::to_string(rows) + "x" + std::to_string(columns),
                   values * 2.5 + values / 64 * (1 + 4 / 256.0), copy,
                   [&] { ops::dequantizeNf4(nf4, at::kBFloat16, out); });
    }
}

// Against one dense product of equal work; half: half of the tokens' first choices on one expert.
void adapterLayer(const Sheet& sheet) {
    constexpr std::int64_t kHidden = 4096, kExperts = 8, kTopK = 2, kSize = 512;
    const at::Tensor down = gpuValues({kExperts, kSize, kHidden}, 0.1),
                     up = gpuValues({kExperts, kHidden, kSize}, 0.1), flat = gpuValues({2 * kSize, kHidden});
    at::Tensor dDown = at::zeros(down.sizes(), down.options().dtype(at::kFloat)),
               dUp = at::zeros(up.sizes(), dDown.options());
    const ops::RandomKey key{.seed = 1};
    int done = 0;
    for (const std::int64_t tokens : {512, 2048, 8192, 16384, 32768})
        for (const bool half : {false, true}) {
            sheet.at("B3", done++, 10);
            const at::Tensor x = gpuValues({tokens, kHidden}), g = gpuValues({tokens, kHidden}),
                             wide = gpuValues({tokens * kTopK, kHidden});
            at::Tensor logits = ops::uniformHost({tokens, kExperts}, 1, {.seed = 77}).to(kGpu);
            if (half) logits.narrow(0, 0, tokens / 2).select(1, 3).add_(4);
            const ops::Routing routing = ops::route(logits, kTopK);
            const Spread dense = gpuSeconds([&] { at::mm(wide, flat.t()); }),
                         own = gpuSeconds([&] {
                             const auto adapted = ops::adapters(x, routing, down, up, 0.25, 0.1, key);
                             (void)ops::adaptersBackward(g, x, routing, adapted.h, down, up, 0.25, 0.1, key,
                                                         dDown, dUp);
                         });
            const double work = 12 * static_cast<double>(tokens * kTopK * kHidden * kSize);
            BenchFigure figure =
                Sheet::rate("B3", std::to_string(tokens) + " tokens" + (half ? ", half on one expert" : ""),
                            work * 1e-12, "TFLOP/s", own);
            const double ceiling = work / 3 / dense.median;
            beside(figure, work / own.median / ceiling, ceiling * 1e-12, "TFLOP/s",
                   "dense product of equal work");
            sheet.figure(figure);
        }
}

void optimizer(const Sheet& sheet) {
    const double copy = gpuCopyCeiling();
    const std::int64_t n = 1235 * std::int64_t{1000000} / 256 * 256;
    const auto single = at::TensorOptions().dtype(at::kFloat).device(kGpu);
    at::Tensor p = at::ones({n}, single), gradient = at::full({n}, 1e-3, single);
    const auto count = static_cast<double>(n);
    const ops::AdamW adam{.learningRate = 1e-3};
    sheet.at("B12", 0, 2);
    {
        at::Tensor m = at::zeros({n}, single), v = at::zeros({n}, single);
        besideCopy(sheet, "B12", "AdamW, 32-bit states", 28 * count, copy,
                   [&] { ops::adamW(p, gradient, m, v, adam, {}, {}); });
    }
    sheet.at("B12", 1, 2);
    ops::AdamW8State state = ops::adamW8State(p);
    besideCopy(sheet, "B12", "AdamW, 8-bit states", (16 + 4 * 4 / 256.0) * count, copy,
               [&] { ops::adamW8bit(p, gradient, state, adam, {}, {}); });
}

}  // namespace

void gpuOperations(const Sheet& sheet, const std::string& row) {
    if (row == "B1") dequantisation(sheet);
    if (row == "B3") adapterLayer(sheet);
    if (row == "B12") optimizer(sheet);
    gpuTable().emptyCache();
}

}  // namespace caravan::engine::bench
