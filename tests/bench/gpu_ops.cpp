// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>

#include <ATen/Context.h>

#include "engine/ops/cuda_plugin.h"
#include "engine/ops/ops.h"

// Milliseconds of the operations at the shapes of a 7B layer, 8 x 2048 tokens, bf16, on the first GPU,
// against the copy and product rates of the same run. usage: bench_gpu_ops
// [nf4,elementwise,products,lora,mixture,attention,fp32,optimizer]
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

at::Tensor values(at::IntArrayRef shape, double bound = 1) {
    static std::uint64_t site = 0;
    const at::Tensor host = uniformHost({1 << 16}, bound, {.seed = ++site});
    std::int64_t n = 1;
    for (const auto size : shape)
        n *= size;
    const at::Tensor device = host.to(kGpu, at::kBFloat16);
    return device.repeat({(n + (1 << 16) - 1) / (1 << 16)}).narrow(0, 0, n).view(shape).contiguous();
}

double g_copy = 0, g_product = 0;  // ceilings of this run: bytes/s read and written, FLOP/s

template <class F>
void bytes(const std::string& name, double moved, F&& f) {
    const double s = seconds(f);
    std::printf("%-34s %8.3f ms  %5.2f TB/s  %3.0f %% of copy\n", name.c_str(), s * 1e3, moved / s * 1e-12,
                100 * moved / s / g_copy);
}
template <class F>
double flops(const std::string& name, double work, F&& f) {
    const double s = seconds(f);
    std::printf("%-34s %8.3f ms  %5.0f TFLOP/s  %3.0f %% of product\n", name.c_str(), s * 1e3,
                work / s * 1e-12, 100 * work / s / g_product);
    return s;
}

constexpr std::int64_t T = 16384, D = 4096, I = 11008, E = 8, K = 2, R = 512;

void ceilings() {
    const at::Tensor big = values({1 << 29}), square = values({8192, 8192});
    at::Tensor to = at::empty_like(big);
    g_copy = 2.0 * static_cast<double>(big.nbytes()) / seconds([&] { to.copy_(big); });
    g_product = 2 * 8192.0 * 8192.0 * 8192.0 / seconds([&] { at::mm(square, square); });
    std::printf("copy of 1 GiB %.2f TB/s, bf16 product 8192^3 %.0f TFLOP/s\n", g_copy * 1e-12,
                g_product * 1e-12);
}

// B1
void dequantisation() {
    for (const auto& [rows, columns] :
         {std::pair{D, D}, std::pair{I, D}, std::pair<std::int64_t, std::int64_t>{20480, 7168}}) {
        const at::Tensor weight = values({rows, columns}, 0.02);
        const Nf4 nf4 = quantizeNf4(weight, true);
        at::Tensor out = at::empty_like(weight);
        const double blocks = static_cast<double>(weight.numel()) / 64;
        bytes("NF4 to bf16 " + std::to_string(rows) + " x " + std::to_string(columns),
              static_cast<double>(weight.numel()) * 2.5 + blocks * (1 + 4 / 256.0),
              [&] { dequantizeNf4(nf4, at::kBFloat16, out); });
    }
}

void elementwise() {
    const double t = static_cast<double>(T), row = t * static_cast<double>(D) * 2;
    at::Tensor x = values({T, D});
    const at::Tensor g = values({T, D}), w = values({D});
    const auto normed = rmsNorm(x, w, 1e-5);
    bytes("rmsNorm", 2 * row, [&] { rmsNorm(x, w, 1e-5); });
    at::Tensor sum = x.clone();
    bytes("rmsNormOfSum", 4 * row, [&] { rmsNormOfSum(sum, g, w, 1e-5); });
    bytes("rmsNormBackward", 3 * row, [&] { rmsNormBackward(g, x, w, normed.rstd); });
    bytes("rmsNormBackward with residual", 4 * row, [&] { rmsNormBackward(g, x, w, normed.rstd, x); });
    bytes("dropout", 2 * row, [&] { dropout(x, 0.1, {.seed = 1}); });
    const at::Tensor gateUp = values({T, 2 * I}), dh = values({T, I});
    const double wide = t * static_cast<double>(I) * 2;
    const at::Tensor gate = gateUp.narrow(1, 0, I), up = gateUp.narrow(1, I, I);
    bytes("swiglu", 3 * wide, [&] { swiglu(gate, up); });
    bytes("swigluBackward with product", 6 * wide, [&] { swigluBackward(dh, gate, up, true); });
    const at::Tensor joined = values({T, 3 * D}),
                     positions = at::arange(T, at::TensorOptions().dtype(at::kInt).device(kGpu))
                                     .remainder(2048)
                                     .to(at::kInt);
    const at::Tensor angle = uniformHost({2048, 64}, 3, {.seed = 9}).to(kGpu);
    const RopeTable table{angle.cos(), angle.sin()};
    Heads heads = splitHeads(joined, 32, 32, 128);
    bytes("rope of q and k in place", 4 * row, [&] { ropeHeads(heads, positions, table); });
    bytes("rope back and join", 6 * row, [&] { joinHeads(heads, positions, table); });
}

void products() {
    const at::Tensor x = values({T, D}), y = values({T, 2 * I});
    struct Case {
        const char* name;
        std::int64_t out, in;
    };
    for (const Case& c :
         {Case{"qkv", 3 * D, D}, Case{"o", D, D}, Case{"gate|up", 2 * I, D}, Case{"down", D, I}})
        for (const auto backend : {at::BlasBackend::Cublas, at::BlasBackend::Cublaslt}) {
            at::globalContext().setBlasPreferredBackend(backend);
            const at::Tensor weight = values({c.out, c.in}, 0.02);
            const at::Tensor in = y.narrow(1, 0, c.in).contiguous();
            const at::Tensor dy = values({T, c.out});
            const double work = 2 * static_cast<double>(T) * static_cast<double>(c.out * c.in);
            const std::string which = backend == at::BlasBackend::Cublas ? " cublas" : " cublasLt";
            flops(c.name + which, work, [&] { ops::linear(in, weight); });
            flops(c.name + which + " dgrad", work, [&] { ops::linearBackward(dy, weight); });
            at::Tensor sum = values({T, c.out}), dx = values({T, c.in});
            flops(c.name + which + " onto a sum", work, [&] { at::addmm_out(sum, sum, in, weight.t()); });
            flops(c.name + which + " dgrad onto a sum", work, [&] { at::addmm_out(dx, dx, dy, weight); });
        }
    at::globalContext().setBlasPreferredBackend(at::BlasBackend::Default);
}

// All LoRA of a layer: forward, dL/dx, gradients.
void lora() {
    struct Case {
        const char* name;
        std::int64_t in;
        std::vector<std::int64_t> outs;
    };
    const std::vector<Case> cases{
        {"qkv", D, {D, D, D}}, {"o", D, {D}}, {"gate|up", D, {I, I}}, {"down", I, {D}}};
    for (const double p : {0.0, 0.1})
        for (const Case& c : cases) {
            LoraGroup group{.parts = {}, .dropout = p, .key = {.seed = 1}};
            const auto parts = static_cast<std::int64_t>(c.outs.size());
            const at::Tensor a = values({parts * 64, c.in}, 0.02),
                             da = at::zeros({parts * 64, c.in}, a.options().dtype(at::kFloat));
            std::int64_t begin = 0, i = 0;
            for (const std::int64_t out : c.outs) {
                group.parts.push_back({.a = a.narrow(0, 64 * i, 64),
                                       .b = values({out, 64}, 0.02),
                                       .begin = begin,
                                       .scale = 0.25,
                                       .site = static_cast<std::int32_t>(i),
                                       .da = da.narrow(0, 64 * i, 64),
                                       .db = at::zeros({out, 64}, da.options())});
                begin += out;
                ++i;
            }
            const at::Tensor x = values({T, c.in}), dy = values({T, begin});
            at::Tensor y = values({T, begin}), dx = values({T, c.in});
            std::vector<at::Tensor> h = loraForward(y, x, group), dh = loraBackwardInput(dy, group, dx);
            const double work = 2 * static_cast<double>(T) * 64 * static_cast<double>(c.in * parts + begin);
            const std::string name = std::string("LoRA ") + c.name + (p > 0 ? ", dropout" : "");
            flops(name + " forward", work, [&] { loraForward(y, x, group); });
            flops(name + " input", work, [&] { loraBackwardInput(dy, group, dx); });
            flops(name + " gradients", work, [&] { loraBackwardParameters(dy, x, h, dh, group); });
        }
}

// B3: the adapter layer against one dense product of equal FLOPs; half: half of the tokens' first choices on
// one expert.
void mixture() {
    const at::Tensor down = values({E, R, D}, 0.1), up = values({E, D, R}, 0.1);
    at::Tensor dDown = at::zeros(down.sizes(), down.options().dtype(at::kFloat)),
               dUp = at::zeros(up.sizes(), dDown.options());
    for (const std::int64_t tokens : {std::int64_t{512}, std::int64_t{2048}, std::int64_t{8192}, T, 2 * T})
        for (const bool half : {false, true}) {
            const at::Tensor x = values({tokens, D}), g = values({tokens, D});
            at::Tensor logits = uniformHost({tokens, E}, 1, {.seed = 77}).to(kGpu);
            if (half) logits.narrow(0, 0, tokens / 2).select(1, 3).add_(4);
            const Routing routing = route(logits, K);
            const AdapterOptions options{.add = {}, .keepRows = true};
            const auto adapted = adapters(x, routing, down, up, 0.25, 0.1, {.seed = 1}, options);
            const double work = 4 * static_cast<double>(tokens * K * D * R);
            const at::Tensor wide = values({tokens * K, D}), flat = values({2 * R, D});
            const double dense = seconds([&] { at::mm(wide, flat.t()); });
            const std::string name = "adapters " + std::to_string(tokens) + (half ? " half on one" : "");
            const double forward =
                flops(name, work, [&] { adapters(x, routing, down, up, 0.25, 0.1, {.seed = 1}, options); });
            const double backward = flops(name + " backward", 2 * work, [&] {
                adaptersBackward(g, {}, routing, adapted.h, down, up, 0.25, 0.1, {.seed = 1}, dDown, dUp,
                                 adapted.rows);
            });
            std::printf("    %.2f of a dense product of equal FLOPs\n", 3 * dense / (forward + backward));
            if (tokens == T) bytes("route", static_cast<double>(T) * 8 * 12, [&] { route(logits, K); });
        }
}

void attentions() {
    Segments segments;
    std::vector<int> ends;
    for (int i = 0; i <= 8; ++i) {
        segments.offsets.push_back(i * 2048);
        ends.push_back(i * 2048);
    }
    segments.cumulative = at::tensor(ends, at::kInt).to(kGpu);
    segments.longest = 2048;
    const Heads heads = splitHeads(values({T, 3 * D}), 32, 32, 128);
    const at::Tensor g = values({T, 32, 128});
    const double work = 2 * static_cast<double>(T) * 2048 * static_cast<double>(D);
    for (const bool exact : {true, false}) {
        at::globalContext().setDeterministicAlgorithms(exact, false);
        const auto forward = attention(heads.query, heads.key, heads.value, segments, std::nullopt, true);
        const std::string name = exact ? "attention, exact" : "attention, loose";
        flops(name, work,
              [&] { attention(heads.query, heads.key, heads.value, segments, std::nullopt, true); });
        flops(name + " backward", 2.5 * work, [&] {
            attentionBackward(g, heads.query, heads.key, heads.value, forward, segments, std::nullopt);
        });
    }
    at::globalContext().setDeterministicAlgorithms(true, false);
}

// Beside the library's memory-efficient kernels, which want keys and values of every head.
void attentionFp32(std::int64_t rows, std::int64_t length, std::int64_t heads, std::int64_t kvHeads,
                   std::int64_t size) {
    const std::int64_t tokens = rows * length, width = (heads + 2 * kvHeads) * size;
    Segments segments;
    std::vector<int> ends;
    for (std::int64_t i = 0; i <= rows; ++i) {
        segments.offsets.push_back(i * length);
        ends.push_back(static_cast<int>(i * length));
    }
    segments.cumulative = at::tensor(ends, at::kInt).to(kGpu);
    segments.longest = length;
    const at::Tensor joined = uniformHost({tokens, width}, 1, {.seed = 3}).to(kGpu),
                     g = uniformHost({tokens, heads, size}, 1, {.seed = 4}).to(kGpu);
    const Heads x = splitHeads(joined, heads, kvHeads, size);
    const auto all = [&](const at::Tensor& t) {
        return (kvHeads == heads ? t : t.repeat_interleave(heads / kvHeads, 1)).unsqueeze(0);
    };
    constexpr std::int64_t kCausal = 1;
    const auto library = [&] {
        return at::_efficient_attention_forward(x.query.unsqueeze(0), all(x.key), all(x.value), std::nullopt,
                                                segments.cumulative, segments.cumulative, length, length, 0.0,
                                                kCausal, true);
    };
    const auto [out, logsumexp, seed, offset, longestQ, longestK] = library();
    const auto own = [&] { return attention(x.query, x.key, x.value, segments, std::nullopt, true); };
    const Attention forward = own();
    const double pairs = 2 * static_cast<double>(tokens) * static_cast<double>(length * heads * size);
    const auto compare = [&](const char* pass, double work, const auto& ours, const auto& theirs) {
        const double s = seconds(ours), other = seconds(theirs);
        std::printf(
            "attention fp32 %s %ldx%ld, %ld/%ld heads of %ld: %8.3f ms  %3.0f TFLOP/s, library %8.3f, "
            "ratio %.2f\n",
            pass, static_cast<long>(rows), static_cast<long>(length), static_cast<long>(heads),
            static_cast<long>(kvHeads), static_cast<long>(size), s * 1e3, work / s * 1e-12, other * 1e3,
            other / s);
    };
    compare("forward ", pairs, own, library);
    compare(
        "backward", 2.5 * pairs,
        [&] { attentionBackward(g, x.query, x.key, x.value, forward, segments, std::nullopt); },
        [&] {
            auto [dq, dk, dv, bias] = at::_efficient_attention_backward(
                g.unsqueeze(0), x.query.unsqueeze(0), all(x.key), all(x.value), std::nullopt, out,
                segments.cumulative, segments.cumulative, length, length, logsumexp, 0.0, seed, offset,
                kCausal, false, std::nullopt, 1);
            if (kvHeads != heads) {
                dk.squeeze(0).unflatten(1, {kvHeads, heads / kvHeads}).sum(2);
                dv.squeeze(0).unflatten(1, {kvHeads, heads / kvHeads}).sum(2);
            }
        });
}

void lossAndOptimizer() {
    const at::Tensor x = values({T, D}), head = values({32000, D}, 0.02),
                     labels = at::arange(T, at::TensorOptions().dtype(at::kLong).device(kGpu));
    flops("crossEntropy", 4 * static_cast<double>(T) * 32000 * static_cast<double>(D),
          [&] { ops::crossEntropy(x, head, labels, 1e-4, true); });
    const std::int64_t n = 1235 * std::int64_t{1000000} / 256 * 256;
    const auto single = at::TensorOptions().dtype(at::kFloat).device(kGpu);
    at::Tensor p = at::ones({n}, single), gradient = at::full({n}, 1e-3, single);
    const auto count = static_cast<double>(n);
    bytes("gradient norm, 1.235 B", 4 * count, [&] { gradientNorm({gradient}); });
    {
        at::Tensor m = at::zeros({n}, single), v = at::zeros({n}, single),
                   working = at::empty({n}, p.options().dtype(at::kBFloat16));
        bytes("AdamW fp32 states, 1.235 B", 28 * count,
              [&] { adamW(p, gradient, m, v, {.learningRate = 1e-3}, {}, {}); });
        bytes("AdamW with bf16 copy", 30 * count,
              [&] { adamW(p, gradient, m, v, {.learningRate = 1e-3}, {}, {}, working); });
    }
    AdamW8State state = adamW8State(p);
    bytes("AdamW 8-bit states, 1.235 B", (12 + 4 + 4 * 4 / 256.0) * count,
          [&] { adamW8bit(p, gradient, state, {.learningRate = 1e-3}, {}, {}); });
}

void run(const std::string& only) {
    const auto wanted = [&](const char* name) {
        return only.empty() || only.find(name) != std::string::npos;
    };
    ceilings();
    if (wanted("nf4")) dequantisation();
    if (wanted("elementwise")) elementwise();
    if (wanted("products")) products();
    if (wanted("lora")) lora();
    if (wanted("mixture")) mixture();
    if (wanted("attention")) attentions();
    if (wanted("fp32")) {
        attentionFp32(32, 192, 6, 2, 64);
        attentionFp32(12, 512, 6, 2, 64);
        attentionFp32(4, 2048, 32, 32, 128);
    }
    if (wanted("optimizer")) lossAndOptimizer();
}

}  // namespace
}  // namespace caravan::engine::ops

int main(int argc, char** argv) {
    const auto& state = caravan::engine::ops::openCuda();
    if (!state.table) {
        std::printf("no GPU: %s\n", state.note.c_str());
        return 0;
    }
    caravan::engine::ops::run(argc > 1 ? argv[1] : "");
}
