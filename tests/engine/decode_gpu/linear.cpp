// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/dispatch.h"
#include "tests/engine/ops_gpu/device.h"

// decodeLinear on the GPU against its plain version.
namespace caravan::engine::ops {
namespace {

class DecodeLinearOnGpu : public GpuTest {};

struct Case {
    std::int64_t inner;
    std::vector<std::int64_t> rows;  // per part
    std::int64_t batch = 1;
    bool nf4 = true, twice = true;  // scales quantised again
    std::vector<std::int64_t> ranks = {};
    bool norm = false, bias = false, swiglu = false, residual = false, wide = false;
    std::int64_t side = 0;  // rows of a router beside
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
    return out << c.batch << " x " << c.inner << " -> " << c.rows.size() << " parts of " << c.rows[0]
               << (c.nf4 ? " NF4" : " dense") << (c.ranks.empty() ? "" : " lora")
               << (c.swiglu ? " swiglu" : "");
}

// One side of the comparison: what the arguments point to. The CPU's are fp32 of the same rounded values.
struct Side {
    kernels::DecodeLinear linear;
    std::vector<at::Tensor> kept;
    Guarded out{{1}, at::kFloat};
    std::vector<at::Tensor> sides;

    const void* keep(const at::Tensor& x) {
        kept.push_back(x);
        return x.data_ptr();
    }
};

kernels::Nf4Source sourceOf(const Nf4& w, Side& side) {
    side.kept.insert(side.kept.end(), {w.codes, w.absmax});
    kernels::Nf4Source source{data<std::uint8_t>(w.codes), nullptr, nullptr, nullptr, nullptr,
                              static_cast<float>(w.offset)};
    if (!w.doubleQuantised()) {
        source.absmax = data<float>(w.absmax);
        return source;
    }
    side.kept.insert(side.kept.end(), {w.nestedAbsmax, w.nestedMap});
    source.absmaxCodes = data<std::uint8_t>(w.absmax);
    source.nestedAbsmax = data<float>(w.nestedAbsmax);
    source.nestedMap = data<float>(w.nestedMap);
    return source;
}

Guarded guardedOn(at::Device device, at::IntArrayRef shape, at::ScalarType type) {
    Guarded g(shape, type);
    if (device.is_cpu()) {
        g.whole = g.whole.cpu();
        g.inner = g.whole.narrow(0, 64, g.whole.numel() - 128).view(shape);
    }
    return g;
}

Side build(const Case& c, at::Device device, at::ScalarType type, int seed) {
    Side side;
    const at::ScalarType held = device.is_cpu() ? at::kFloat : type;
    const auto put = [&](const at::Tensor& x) { return rounded(x, type).to(held).to(device); };
    kernels::DecodeLinear& l = side.linear;
    l.inner = c.inner;
    l.batch = c.batch;
    l.input = side.keep(put(values({c.batch, c.inner}, seed, 2)));
    if (c.norm) l.norm = side.keep(put(values({c.inner}, seed + 1) + 1.5));
    l.eps = 1e-5F;
    l.swiglu = c.swiglu;
    l.wide = c.wide;
    l.partCount = static_cast<std::int32_t>(c.rows.size());
    std::int64_t columns = 0;
    const double bound = 2 / std::sqrt(static_cast<double>(c.inner));
    for (std::size_t p = 0; p < c.rows.size(); ++p) {
        kernels::DecodePart& part = l.parts[p];
        const int site = seed + 10 * static_cast<int>(p + 1);
        part.rows = c.rows[p];
        part.column = c.swiglu ? 0 : columns;
        columns += c.swiglu && p > 0 ? 0 : part.rows;
        const at::Tensor weight = rounded(values({part.rows, c.inner}, site, bound), at::kBFloat16);
        if (c.nf4) {
            Nf4 q = quantizeNf4(weight.to(device), c.twice);
            part.nf4 = sourceOf(q, side);
        } else {
            part.dense = side.keep(put(weight));
        }
        if (c.bias) part.bias = side.keep(put(values({part.rows}, site + 1)));
        if (c.ranks.empty() || c.ranks[p] == 0) continue;
        part.rank = c.ranks[p];
        part.scale = 0.25F;
        part.loraB = side.keep(put(values({part.rows, part.rank}, site + 2)));
        const at::Tensor hidden =
            at::full({c.batch, part.rank}, 1e9, at::TensorOptions().device(device).dtype(at::kFloat));
        part.loraHidden = static_cast<const float*>(side.keep(hidden));
        l.sides[l.sideCount++] = {side.keep(put(values({part.rank, c.inner}, site + 3, bound))), part.rank,
                                  data<float>(hidden)};
    }
    if (c.side > 0) {
        side.sides.push_back(
            at::full({c.batch, c.side}, 1e9, at::TensorOptions().device(device).dtype(at::kFloat)));
        l.sides[l.sideCount++] = {side.keep(put(values({c.side, c.inner}, seed + 5, bound))), c.side,
                                  data<float>(side.sides.back())};
    }
    l.outStride = columns;
    if (c.residual) l.residual = side.keep(put(values({c.batch, columns}, seed + 6)));
    side.out = guardedOn(device, {c.batch, columns}, c.wide ? at::kFloat : held);
    l.out = side.out.inner.data_ptr();
    const at::Tensor counter = at::zeros({1}, at::TensorOptions().device(device).dtype(at::kInt));
    l.arrived = static_cast<std::uint32_t*>(const_cast<void*>(side.keep(counter)));
    return side;
}

void launch(const Side& side, at::ScalarType type) {
    const auto element = type == at::kBFloat16 ? kernels::cuda::Element::BF16 : kernels::cuda::Element::F32;
    checkLaunch("decodeLinear", cudaTable().decode.linear(element, side.linear, streamOf(side.out.inner)));
}

double errorOf(const Case& c, at::ScalarType type, bool injected = false) {
    const Side cpu = build(c, at::kCPU, type, 1), device = build(c, at::Device(at::kCUDA, 0), type, 1);
    if (injected) device.kept[0].narrow(1, 3, 1).add_(1);  // one input of a row
    kernels::decodeLinear(cpu.linear);
    launch(device, type);
    EXPECT_TRUE(device.out.intact()) << c;
    for (std::size_t i = 0; i < cpu.sides.size(); ++i)
        EXPECT_LT(relativeError(device.sides[i], cpu.sides[i]), tolerance(type)) << c;
    return relativeError(device.out.inner, cpu.out.inner);
}

const Case kCases[] = {
    {.inner = 384, .rows = {384, 128, 128}, .norm = true, .bias = true},
    {.inner = 384, .rows = {64}, .residual = true},
    {.inner = 4096, .rows = {4096, 1024, 1024}, .ranks = {64, 64, 64}, .norm = true},
    {.inner = 4096, .rows = {11008, 11008}, .ranks = {64, 64}, .norm = true, .swiglu = true, .side = 8},
    {.inner = 11008, .rows = {4096}, .ranks = {64}, .residual = true},
    {.inner = 1024, .rows = {512, 512}, .batch = 4, .ranks = {0, 16}},
    {.inner = 1024, .rows = {512, 512}, .batch = 7, .ranks = {8, 8}, .norm = true, .swiglu = true, .side = 3},
    {.inner = 2048, .rows = {272}, .batch = 16, .ranks = {200}, .bias = true, .residual = true},
    {.inner = 11008, .rows = {256}, .batch = 16, .ranks = {64}},
    {.inner = 1024, .rows = {512}, .twice = false, .ranks = {16}},
    {.inner = 172, .rows = {64}, .ranks = {4}, .residual = true},
    {.inner = 64, .rows = {172, 172}, .norm = true, .swiglu = true, .side = 4},
    {.inner = 4096, .rows = {2001}, .nf4 = false, .norm = true, .wide = true},
    {.inner = 200, .rows = {33, 7}, .batch = 5, .nf4 = false, .ranks = {3, 0}, .norm = true, .bias = true},
    {.inner = 131, .rows = {16}, .nf4 = false, .residual = true},
    // One step of the NF4 kernel; half steps at a row's end; more tiles than multiprocessors; ranks of all
    // kinds.
    {.inner = 256, .rows = {16}, .residual = true},
    {.inner = 640, .rows = {4224}, .ranks = {32}, .norm = true, .wide = true},
    {.inner = 896, .rows = {896, 128, 128}, .ranks = {16, 2, 16}, .norm = true, .bias = true},
    {.inner = 7168, .rows = {512, 512}, .ranks = {64, 8}, .norm = true, .swiglu = true, .side = 8},
};

TEST_F(DecodeLinearOnGpu, AgreesWithThePlainVersion) {
    for (const Case& c : kCases)
        for (const auto type : kTypes) {
            if (c.nf4 && c.rows[0] * c.inner % 64 != 0) continue;
            // bf16: codes of the book rounded to eight bits, where the plain version rounds their products
            EXPECT_LT(errorOf(c, type), type == at::kFloat ? 1e-5 : 1e-2) << c << " " << type;
        }
}

// Rows [first, first + count) of a call, into out; the router's rows beside go to `beside`.
void launchRows(const Side& side, std::int64_t first, std::int64_t count, at::ScalarType type,
                const at::Tensor& out, const at::Tensor& beside) {
    kernels::DecodeLinear l = side.linear;
    const auto move = [&](const void* p, std::int64_t elements) -> const void* {
        return p ? static_cast<const char*>(p) + elements * static_cast<std::int64_t>(c10::elementSize(type))
                 : nullptr;
    };
    l.batch = count;
    l.input = move(l.input, first * l.inner);
    l.residual = move(l.residual, first * l.outStride);
    l.out = out.data_ptr();
    for (int p = 0; p < l.partCount; ++p)
        if (l.parts[p].loraHidden) l.parts[p].loraHidden += first * l.parts[p].rank;
    for (int s = 0; s < l.sideCount; ++s) {
        const bool router = s + 1 == l.sideCount && beside.defined();
        l.sides[s].out = router ? data<float>(beside) : l.sides[s].out + first * l.sides[s].rows;
    }
    const auto element = type == at::kBFloat16 ? kernels::cuda::Element::BF16 : kernels::cuda::Element::F32;
    side.kept.back().zero_();  // the counter
    checkLaunch("decodeLinear", cudaTable().decode.linear(element, l, streamOf(out)));
}

// A row's bits do not depend on how many rows there are: what several sequences say together is what each
// says alone.
TEST_F(DecodeLinearOnGpu, ARowHasTheBitsThatItHasAlone) {
    constexpr std::int64_t kMost = 16;
    for (Case c : kCases)
        for (const auto type : kTypes) {
            if (c.nf4 && c.rows[0] * c.inner % 64 != 0) continue;
            c.batch = kMost;
            const Side side = build(c, at::Device(at::kCUDA, 0), type, 1);
            const std::int64_t columns = side.linear.outStride;
            const auto floats = at::TensorOptions().device(at::kCUDA, 0).dtype(at::kFloat);
            const at::Tensor one = at::zeros({1, columns}, side.out.inner.options()),
                             rows = at::zeros({kMost, columns}, side.out.inner.options());
            at::Tensor oneBeside, besides;
            if (c.side > 0)
                oneBeside = at::zeros({1, c.side}, floats), besides = at::zeros({kMost, c.side}, floats);
            for (std::int64_t b = 0; b < kMost; ++b) {
                launchRows(side, b, 1, type, one, oneBeside);
                rows[b].copy_(one[0]);
                if (c.side > 0) besides[b].copy_(oneBeside[0]);
            }
            for (const std::int64_t batch : {2, 3, 4, 7, 8, 16}) {
                const Guarded out({batch, columns}, rows.scalar_type());
                at::Tensor beside;
                if (c.side > 0) beside = at::zeros({batch, c.side}, floats);
                launchRows(side, 0, batch, type, out.inner, beside);
                EXPECT_TRUE(out.intact());
                EXPECT_TRUE(sameBits(out.inner, rows.narrow(0, 0, batch)))
                    << c << " of " << batch << " " << type << ", off by "
                    << relativeError(out.inner, rows.narrow(0, 0, batch));
                if (c.side > 0) EXPECT_TRUE(sameBits(beside, besides.narrow(0, 0, batch))) << c;
            }
        }
}

// Three calls that read each other's outputs, and where a chain of them passes values on.
struct Links {
    std::vector<Side> calls;

    Links(const std::vector<Case>& cases, std::int64_t batch, int seed) {
        for (Case c : cases) {
            c.batch = batch;
            calls.push_back(build(c, at::Device(at::kCUDA, 0), at::kBFloat16, seed += 100));
            if (calls.size() > 1) calls.back().linear.input = calls[calls.size() - 2].linear.out;
        }
    }
    // Every value that is passed on lies in `passed`, which is to be as large as bytes() says.
    kernels::DecodeChain chain(const at::Tensor& passed) const {
        kernels::DecodeChain chain;
        auto* next = passed.defined() ? static_cast<char*>(passed.data_ptr()) : nullptr;
        const auto take = [&](std::int64_t bytes) {
            char* at = next;
            next += (bytes + 127) / 128 * 128;
            return at;
        };
        for (const Side& side : calls) {
            kernels::DecodeLinear& l = chain.linears[chain.count] = side.linear;
            if (chain.count > 0) l.input = chain.linears[chain.count - 1].out;
            if (++chain.count < std::ssize(calls)) l.out = take(l.batch * l.outStride * 2);
            for (int p = 0, s = 0; p < l.partCount; ++p) {
                if (!l.parts[p].loraB) continue;
                l.sides[s].out = reinterpret_cast<float*>(take(l.batch * l.parts[p].rank * 4));
                l.parts[p].loraHidden = l.sides[s++].out;
            }
        }
        chain.clearedBytes = next - (passed.defined() ? static_cast<char*>(passed.data_ptr()) : nullptr);
        return chain;
    }
};

const std::vector<std::vector<Case>> kLinks = {
    {{.inner = 4096, .rows = {4096}, .ranks = {64}, .residual = true},
     {.inner = 4096, .rows = {11008, 11008}, .ranks = {64, 64}, .norm = true, .swiglu = true, .side = 8},
     {.inner = 11008, .rows = {4096}, .ranks = {64}, .residual = true}},
    {{.inner = 256, .rows = {256}, .ranks = {8}},
     {.inner = 256, .rows = {640, 640}, .ranks = {16, 4}, .norm = true, .bias = true, .swiglu = true},
     {.inner = 640, .rows = {256}, .ranks = {64}}},
    {{.inner = 2048, .rows = {2560}, .norm = true, .residual = true},
     {.inner = 2560, .rows = {2304}, .residual = true, .side = 160}},
};

// Rounds in turns on two places, each of which the other's call leaves empty.
TEST_F(DecodeLinearOnGpu, AChainHasTheBitsOfItsCalls) {
    constexpr int kRounds = 20;
    for (const auto& cases : kLinks)
        for (const std::int64_t batch : {1, 2, 3, 4, 8}) {
            const Links links(cases, batch, 7);
            const std::int64_t bytes = links.chain({}).clearedBytes;
            at::Tensor expectedSide;
            for (const Side& side : links.calls) {
                launch(side, at::kBFloat16);
                if (!side.sides.empty()) expectedSide = side.sides[0].clone();
            }
            const Side& last = links.calls.back();
            const at::Tensor expected = last.out.inner.clone();
            const Guarded first({bytes}, at::kByte), second({bytes}, at::kByte);
            for (const Guarded* place : {&first, &second})
                place->inner.fill_(255);
            for (int round = 0; round < kRounds; ++round) {
                const Guarded &mine = round % 2 ? second : first, &other = round % 2 ? first : second;
                kernels::DecodeChain chain = links.chain(mine.inner);
                chain.cleared = other.inner.data_ptr();
                last.out.inner.fill_(3);
                const bool taken = cudaTable().decode.takesChain(kernels::cuda::Element::BF16, chain);
                ASSERT_TRUE(taken || batch > 3) << cases[0];
                if (!taken) break;  // does not fit
                checkLaunch("decodeChain", cudaTable().decode.chain(kernels::cuda::Element::BF16, chain,
                                                                    streamOf(last.out.inner)));
                ASSERT_TRUE(sameBits(last.out.inner, expected))
                    << cases[0] << " of " << batch << ", " << round;
                ASSERT_TRUE(other.inner.eq(255).all().item<bool>());
                EXPECT_TRUE(last.out.intact() && first.intact() && second.intact());
            }
            for (const Side& side : links.calls)
                if (!side.sides.empty()) EXPECT_TRUE(sameBits(side.sides[0], expectedSide)) << cases[0];
        }
}

TEST_F(DecodeLinearOnGpu, AChainTellsWhatItDoesNotTake) {
    const Links links(kLinks[1], 2, 7);
    const at::Tensor place = at::full({links.chain({}).clearedBytes}, 255,
                                      at::TensorOptions().device(at::kCUDA, 0).dtype(at::kByte));
    kernels::DecodeChain chain = links.chain(place);
    const auto& decode = cudaTable().decode;
    EXPECT_FALSE(decode.takesChain(kernels::cuda::Element::F32, chain));
    chain.linears[2].batch = 1;
    EXPECT_FALSE(decode.takesChain(kernels::cuda::Element::BF16, chain));
    EXPECT_NE(decode.chain(kernels::cuda::Element::BF16, chain, streamOf(place)), 0);
    chain = links.chain(place);
    chain.linears[1].parts[0].nf4.absmaxCodes = nullptr;
    EXPECT_FALSE(decode.takesChain(kernels::cuda::Element::BF16, chain));
}

TEST_F(DecodeLinearOnGpu, AnInjectedErrorShows) {
    for (const auto type : kTypes) {
        EXPECT_GT(errorOf(kCases[1], type, true), 2e-2) << type;
        EXPECT_GT(errorOf(kCases[14], type, true), 2e-2) << type;
    }
}

TEST_F(DecodeLinearOnGpu, RepeatsBitForBit) {
    const Side first = build(kCases[3], at::Device(at::kCUDA, 0), at::kBFloat16, 4),
               again = build(kCases[3], at::Device(at::kCUDA, 0), at::kBFloat16, 4);
    launch(first, at::kBFloat16);
    launch(again, at::kBFloat16);
    EXPECT_TRUE(sameBits(first.out.inner, again.out.inner));
}

}  // namespace
}  // namespace caravan::engine::ops
