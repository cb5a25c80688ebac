// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/bench/gpu_clock.h"

// Rows B1, B2, B3 and B12: single operations.
namespace caravan::engine::bench {
namespace {

// moved: bytes that the operation must read and write
template <class F>
void besideCopy(const Sheet& sheet, const char* row, std::string what, double moved, double copy, F&& f) {
    BenchFigure figure = Sheet::rate(row, std::move(what), moved * 1e-12, "TB/s", gpuSeconds(f));
    beside(figure, figure.value * 1e12 / copy, copy * 1e-12, "TB/s", "copy of 1 GiB");
    sheet.figure(figure);
}

// Each call with a matrix of its own, so that none is in the L2, and enough of them that the host's part of a
// repeat does not count.
void dequantisation(const Sheet& sheet) {
    const double copy = gpuCopyCeiling();
    int done = 0;
    for (const auto& [rows, columns] :
         {std::pair<std::int64_t, std::int64_t>{4096, 4096}, {11008, 4096}, {20480, 7168}}) {
        sheet.at("B1", done++, 3);
        const double values = static_cast<double>(rows * columns),
                     moved = values * 2.5 + values / 64 * (1 + 4 / 256.0);
        std::vector<std::pair<ops::Nf4, at::Tensor>> matrices;
        double all = 0;
        for (; all < 2e9; all += moved) {
            const at::Tensor weight = gpuValues({rows, columns}, 0.02);
            matrices.emplace_back(ops::quantizeNf4(weight, true), weight);
        }
        besideCopy(sheet, "B1", "NF4 to bf16, " + std::to_string(rows) + "x" + std::to_string(columns), all,
                   copy, [&] {
                       for (auto& [nf4, out] : matrices)
                           ops::dequantizeNf4(nf4, at::kBFloat16, out);
                   });
    }
}

// One row of x times NF4 weights, each call with weights of its own: far more than the L2 holds.
void matrixVector(const Sheet& sheet) {
    const double ceiling = gpuReadCeiling();
    int done = 0;
    for (const auto& [rows, inner] :
         {std::pair<std::int64_t, std::int64_t>{20480, 7168}, {11008, 4096}, {4096, 11008}, {4096, 4096}}) {
        sheet.at("B2", done++, 4);
        const double bytes = static_cast<double>(rows * inner) * (0.5 + (1 + 4 / 256.0) / 64);
        const at::Tensor x = gpuValues({1, inner}), y = at::empty({1, rows}, x.options());
        std::vector<ops::Nf4> weights;
        std::vector<kernels::DecodeLinear> calls;
        for (double held = 0; held < 1e9; held += bytes) {
            const ops::Nf4& w = weights.emplace_back(ops::quantizeNf4(gpuValues({rows, inner}, 0.02), true));
            kernels::DecodeLinear call{.inner = inner, .input = x.data_ptr(), .partCount = 1};
            call.parts[0].rows = rows;
            call.parts[0].nf4 = {ops::data<std::uint8_t>(w.codes),  nullptr,
                                 ops::data<std::uint8_t>(w.absmax), ops::data<float>(w.nestedAbsmax),
                                 ops::data<float>(w.nestedMap),     static_cast<float>(w.offset)};
            call.out = y.data_ptr();
            call.outStride = rows;
            calls.push_back(call);
        }
        const Spread all = gpuGraphSeconds([&](kernels::cuda::Stream stream) {
            for (const auto& call : calls)
                ops::checkLaunch("bench",
                                 gpuTable().decode.linear(kernels::cuda::Element::BF16, call, stream));
        });
        BenchFigure figure =
            Sheet::rate("B2", "NF4 times one row, " + std::to_string(rows) + "x" + std::to_string(inner),
                        bytes * static_cast<double>(calls.size()) * 1e-12, "TB/s", all);
        beside(figure, figure.value * 1e12 / ceiling, ceiling * 1e-12, "TB/s", "reading 4 GiB");
        sheet.figure(figure);
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
                             // as a step with nothing to recompute does it
                             const auto adapted =
                                 ops::adapters(x, routing, down, up, 0.25, 0.1, key, {.keepRows = true});
                             (void)ops::adaptersBackward(g, {}, routing, adapted.h, down, up, 0.25, 0.1, key,
                                                         dDown, dUp, adapted.rows);
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
    if (row == "B2") matrixVector(sheet);
    if (row == "B3") adapterLayer(sheet);
    if (row == "B12") optimizer(sheet);
    gpuTable().emptyCache();
}

}  // namespace caravan::engine::bench
