// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <tuple>

#include "engine/generate/sampler.h"
#include "engine/ops/dispatch.h"
#include "tests/engine/ops_gpu/device.h"

// The other kernels of a decoding step against their plain versions.
namespace caravan::engine::ops {
namespace {

using kernels::cuda::Element;

class DecodeKernelsOnGpu : public GpuTest {};

Element elementFor(at::ScalarType type) {
    return type == at::kBFloat16 ? Element::BF16 : Element::F32;
}
kernels::cuda::Stream stream() {
    return streamOf(at::empty({1}, at::TensorOptions().device(at::kCUDA, 0)));
}

struct Attention {
    std::int64_t heads, kvHeads, size;
    std::vector<std::int64_t> positions;  // of each sequence; -1: none there
    std::int64_t splits, window = 0;
    bool norms = false, hopper = false;
};

// Everything that a call points to. The caches are tensors of their own, as long as the sequence.
struct AttentionSide {
    std::vector<at::Tensor> kept, keys, values;
    at::Tensor qkv, positions, keysOf, valuesOf;
    kernels::SplitAttention call;
    Guarded out{{1}, at::kFloat};
    at::Tensor result;

    // Sequence b as the only one, with its cache in the call.
    [[nodiscard]] kernels::SplitAttention alone(std::int64_t b) const {
        kernels::SplitAttention a = call;
        a.batch = 1;
        a.keysOf = a.valuesOf = nullptr;
        a.qkv = qkv[b].data_ptr();
        a.position = data<std::int32_t>(positions[b]);
        a.keys = keys[static_cast<std::size_t>(b)].data_ptr();
        a.values = values[static_cast<std::size_t>(b)].data_ptr();
        a.out = result[b].data_ptr();
        return a;
    }
};

AttentionSide attentionSide(const Attention& c, at::ScalarType type, bool device) {
    AttentionSide side;
    const at::ScalarType held = device ? type : at::kFloat;
    const auto put = [&](const at::Tensor& x) {
        const at::Tensor y = rounded(x, type).to(held);
        return device ? gpu(y) : y.clone();
    };
    const auto plain = [&](const at::Tensor& x) {
        side.kept.push_back(device ? gpu(x) : x.clone());
        return side.kept.back();
    };
    const auto batch = std::ssize(c.positions);
    const std::int64_t capacity = *std::max_element(c.positions.begin(), c.positions.end()) + 9;
    auto& a = side.call;
    a = {.heads = c.heads,
         .kvHeads = c.kvHeads,
         .headSize = c.size,
         .positionStride = c.kvHeads * c.size,
         .headStride = c.size,
         .window = c.window,
         .splits = c.splits,
         .batch = batch,
         .hopper = c.hopper};
    at::Tensor keysOf = at::zeros({batch}, at::kLong), valuesOf = at::zeros({batch}, at::kLong),
               positions = at::full({batch, 3}, 1 << 30, at::kInt);
    for (std::int64_t b = 0; b < batch; ++b) {
        const auto i = static_cast<std::size_t>(b);
        const int site = 10 * static_cast<int>(b);
        const std::int64_t length = c.positions[i] < 0 ? 0 : c.positions[i] + 1;  // not one more
        side.keys.push_back(put(values({length, c.kvHeads, c.size}, site + 2, 2)));
        side.values.push_back(put(values({length, c.kvHeads, c.size}, site + 3)));
        keysOf[b] = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(side.keys[i].data_ptr()));
        valuesOf[b] = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(side.values[i].data_ptr()));
        positions[b][0] = c.positions[i];
    }
    side.positions = plain(positions);
    if (batch > 1) {
        side.keysOf = plain(keysOf), side.valuesOf = plain(valuesOf);
        a.keysOf = static_cast<void* const*>(side.keysOf.data_ptr());
        a.valuesOf = static_cast<void* const*>(side.valuesOf.data_ptr());
    } else {
        a.keys = side.keys[0].data_ptr(), a.values = side.values[0].data_ptr();
    }
    side.qkv = put(values({batch, (c.heads + 2 * c.kvHeads) * c.size}, 1, 2));
    a.qkv = side.qkv.data_ptr();
    if (c.norms) {
        side.kept.push_back(put(values({c.size}, 4) + 1.5));
        a.queryNorm = side.kept.back().data_ptr();
        side.kept.push_back(put(values({c.size}, 5) + 1.5));
        a.keyNorm = side.kept.back().data_ptr();
    }
    a.eps = 1e-6F;
    const at::Tensor angle = at::arange(capacity, at::kFloat).unsqueeze(1) * values({1, c.size / 2}, 6);
    a.cos = data<float>(plain(at::cos(angle)));
    a.sin = data<float>(plain(at::sin(angle)));
    a.position = data<std::int32_t>(side.positions);
    a.positionStep = 3;
    a.partial = data<float>(plain(at::zeros({batch, c.heads, c.splits, c.size + 2}, at::kFloat)));
    a.arrived = data<std::uint32_t>(plain(at::zeros({batch, c.heads}, at::kInt)));
    side.out = Guarded({batch, c.heads, c.size}, type);
    side.result = device ? side.out.inner : at::full({batch, c.heads, c.size}, 77.0F);
    a.out = side.result.data_ptr();
    return side;
}

void expectAttention(const bool hopper) {
    for (Attention c :
         {Attention{32, 32, 128, {512}, 8}, Attention{56, 8, 128, {700}, 32}, Attention{6, 2, 64, {0}, 8},
          Attention{6, 2, 64, {37}, 32, 0, true}, Attention{8, 4, 8, {130}, 5, 17},
          Attention{4, 2, 96, {33}, 1, 9}, Attention{8, 8, 256, {40}, 3},
          Attention{32, 32, 128, {512, 3, 700, 41}, 16}, Attention{56, 8, 128, {0, 700}, 32},
          Attention{6, 2, 64, {37, 0, 512, 5, -1, 90, 91, 12, 300, -1, 1, 2, 7, 600, 44, 45}, 32, 0, true},
          Attention{8, 4, 8, {130, -1, 4}, 5, 17}, Attention{22, 2, 128, {900, 5}, 8, 0, true},
          Attention{12, 4, 64, {2000}, 8, 77}})
        for (const auto type : kTypes) {
            SCOPED_TRACE(testing::Message() << c.positions.size() << ": " << c.heads << "/" << c.kvHeads
                                            << " of " << c.size << " at " << c.positions[0] << " in "
                                            << c.splits << " " << type << (hopper ? " clusters" : ""));
            c.hopper = hopper;
            const AttentionSide cpu = attentionSide(c, type, false), device = attentionSide(c, type, true);
            kernels::splitAttention(cpu.call);
            const auto run = [&](const kernels::SplitAttention& call) {
                checkLaunch("attention", cudaTable().decode.attention(elementFor(type), call, stream()));
            };
            run(device.call);
            EXPECT_TRUE(device.out.intact());
            EXPECT_LT(relativeError(device.result, cpu.result), tolerance(type));
            for (std::size_t b = 0; b < cpu.keys.size(); ++b) {
                if (cpu.keys[b].numel() == 0) continue;
                EXPECT_LT(relativeError(device.keys[b], cpu.keys[b]), tolerance(type)) << "keys " << b;
                EXPECT_LT(relativeError(device.values[b], cpu.values[b]), 1e-7) << "values " << b;
            }
            const at::Tensor first = device.result.clone();
            run(device.call);
            EXPECT_TRUE(sameBits(first, device.result)) << "counters are left as they were";
            for (std::size_t b = 0; c.positions.size() > 1 && b < c.positions.size(); ++b) {
                if (c.positions[b] < 0) continue;
                const auto row = static_cast<std::int64_t>(b);
                device.result[row].zero_();
                run(device.alone(row));
                EXPECT_TRUE(sameBits(first[row], device.result[row])) << "sequence " << b << " alone";
            }
            const std::int64_t position = c.positions[0];
            device.values[0][position / 2].add_(position == 0 ? 0.0 : 9.0);
            run(device.call);
            if (position > 0 && (c.window == 0 || c.window > position))
                EXPECT_GT(relativeError(device.result[0], cpu.result[0]), 1e-2) << "an injected error shows";
        }
}
TEST_F(DecodeKernelsOnGpu, AttentionAgreesWithThePlainVersion) {
    expectAttention(false);
}
TEST_F(DecodeKernelsOnGpu, AttentionOfClustersAgreesWithThePlainVersion) {
    if (!hopperPaths()) GTEST_SKIP() << "no clusters";
    expectAttention(true);
}

struct Choice {
    generate::SamplerOptions options;
    std::int64_t vocabulary;
};

// Three tokens in a row: the state moves on by itself.
TEST_F(DecodeKernelsOnGpu, ChoosesWhatTheSamplerChooses) {
    const std::vector<Choice> cases = {
        {{.temperature = 0, .alternatives = 5}, 32000},
        {{.temperature = 0, .repetitionPenalty = 1.3, .alternatives = 32}, 512},
        {{.temperature = 0.7, .topP = 0.95, .alternatives = 5}, 32000},
        {{.temperature = 1.2, .topK = 40, .alternatives = 3}, 8192},
        {{.temperature = 0.9, .topP = 0.8, .topK = 100, .repetitionPenalty = 1.1}, 1000},
        {{.temperature = 2.0, .alternatives = 1}, 152064},
        {{.temperature = 0.5, .topP = 0.0}, 300}};
    for (const Choice& c : cases)
        for (const std::uint64_t seed : {1, 2, 3, 4}) {
            SCOPED_TRACE(testing::Message()
                         << "temperature " << c.options.temperature << " top-p " << c.options.topP
                         << " top-k " << c.options.topK << " of " << c.vocabulary << " seed " << seed);
            // Rounded as a bf16 head gives them: many are equal.
            at::Tensor logits = rounded(values({c.vocabulary}, static_cast<int>(seed), 6), at::kBFloat16);
            logits[7] = std::numeric_limits<float>::quiet_NaN();
            generate::Sampler sampler(c.options, static_cast<std::size_t>(c.vocabulary));
            const std::vector<TokenId> prompt{1, 5, 9};
            sampler.saw(prompt);
            const auto bytes = [](std::size_t n) {
                return at::zeros({static_cast<std::int64_t>(n)}, at::TensorOptions().dtype(at::kByte));
            };
            at::Tensor seen = bytes(static_cast<std::size_t>(c.vocabulary)),
                       state = bytes(sizeof(kernels::TokenState)),
                       settings = bytes(sizeof(kernels::ChoiceSettings));
            for (const TokenId id : prompt)
                seen[id] = 1;
            *static_cast<kernels::TokenState*>(state.data_ptr()) = {.token = 1, .position = 10, .index = 0};
            *static_cast<kernels::ChoiceSettings*>(settings.data_ptr()) = {
                static_cast<float>(c.options.temperature),
                static_cast<float>(c.options.repetitionPenalty),
                c.options.topP,
                static_cast<std::int32_t>(c.options.topK),
                static_cast<std::int32_t>(c.options.alternatives),
                philoxKey({.seed = seed, .purpose = Purpose::Sampling})};
            const at::Tensor seenOn = gpu(seen), stateOn = gpu(state), settingsOn = gpu(settings),
                             records = gpu(bytes(sizeof(kernels::TokenRecord) * kernels::kRecordSlots)),
                             logitsOn = gpu(logits), mass = gpu(at::zeros({c.vocabulary}, at::kFloat)),
                             notes = gpu(values({33}, 3)),
                             noted = gpu(at::zeros({kernels::kRecordSlots, 33}, at::kFloat));
            kernels::TokenChoice call{.logits = data<float>(logitsOn),
                                      .vocabulary = c.vocabulary,
                                      .seen = data<std::uint8_t>(seenOn),
                                      .mass = data<float>(mass)};
            call.settings = static_cast<const kernels::ChoiceSettings*>(settingsOn.data_ptr());
            call.state = static_cast<kernels::TokenState*>(stateOn.data_ptr());
            call.records = static_cast<kernels::TokenRecord*>(records.data_ptr());
            call.notes = data<float>(notes);
            call.noted = data<float>(noted);
            call.noteCount = 33;
            for (std::int64_t i = 0; i < 3; ++i) {
                const double uniform = std::min(
                    1.0 - 1e-9,
                    0.5 + static_cast<double>(
                              uniformHost({1}, 0.5, {.seed = seed, .purpose = Purpose::Sampling, .step = i})
                                  .item<float>()));
                const auto expected =
                    sampler.sample({data<float>(logits), static_cast<std::size_t>(c.vocabulary)}, uniform);
                sampler.saw(std::span(&expected.id, 1));
                checkLaunch("choose", cudaTable().decode.chooseToken(call, stream()));
                const at::Tensor host = records.cpu();
                const auto& got = static_cast<const kernels::TokenRecord*>(host.data_ptr())[i];
                EXPECT_EQ(got.id, expected.id);
                EXPECT_EQ(got.rank, expected.rank);
                EXPECT_EQ(got.index, i);
                EXPECT_NEAR(got.logprob, expected.logprob, 1e-5);
                EXPECT_NEAR(got.entropy, expected.entropy, 1e-5);
                ASSERT_EQ(static_cast<std::size_t>(got.alternatives), expected.alternatives.size());
                for (std::size_t j = 0; j < expected.alternatives.size(); ++j) {
                    EXPECT_EQ(got.alternativeIds[j], expected.alternatives[j].id) << j;
                    EXPECT_NEAR(got.alternativeLogprobs[j], expected.alternatives[j].logprob, 1e-5);
                }
                EXPECT_TRUE(sameBits(noted[i], notes));
                const at::Tensor now = stateOn.cpu();
                const auto& moved = *static_cast<const kernels::TokenState*>(now.data_ptr());
                EXPECT_EQ(moved.token, expected.id);
                EXPECT_EQ(moved.position, 11 + i);
            }
        }
}

// Five sequences of different settings, each with its own state; one has two tokens left, one none.
TEST_F(DecodeKernelsOnGpu, ChoosesForEachSequenceWhatItChoosesAlone) {
    constexpr std::int64_t kSequences = 5, kVocabulary = 3000, kNotes = 7, kSteps = 4;
    const std::vector<generate::SamplerOptions> options = {
        {.temperature = 0, .alternatives = 5},
        {.temperature = 0.8, .topP = 0.9, .repetitionPenalty = 1.2, .alternatives = 2},
        {.temperature = 1.3, .topK = 50},
        {.temperature = 0, .repetitionPenalty = 1.5, .alternatives = 32},
        {.temperature = 0.6, .topP = 0.5}};
    const std::vector<std::int32_t> left = {100, 100, 2, 0, 4};
    const auto bytes = [](std::size_t n) {
        return at::zeros({kSequences, static_cast<std::int64_t>(n)}, at::TensorOptions().dtype(at::kByte));
    };
    struct Side {
        at::Tensor seen, state, settings, records, logits, mass, notes, noted;
        kernels::TokenChoice call;
    };
    const auto make = [&] {
        Side side;
        at::Tensor state = bytes(sizeof(kernels::TokenState)),
                   settings = bytes(sizeof(kernels::ChoiceSettings));
        for (std::int64_t b = 0; b < kSequences; ++b) {
            const auto& o = options[static_cast<std::size_t>(b)];
            *static_cast<kernels::TokenState*>(state[b].data_ptr()) = {
                .token = 1,
                .position = 10 * static_cast<std::int32_t>(b),
                .index = static_cast<std::int32_t>(b),
                .left = left[static_cast<std::size_t>(b)]};
            *static_cast<kernels::ChoiceSettings*>(settings[b].data_ptr()) = {
                static_cast<float>(o.temperature),
                static_cast<float>(o.repetitionPenalty),
                o.topP,
                static_cast<std::int32_t>(o.topK),
                static_cast<std::int32_t>(o.alternatives),
                philoxKey({.seed = static_cast<std::uint64_t>(b), .purpose = Purpose::Sampling})};
        }
        side.state = gpu(state), side.settings = gpu(settings);
        side.seen = gpu(bytes(kVocabulary));
        side.records = gpu(bytes(sizeof(kernels::TokenRecord) * kernels::kRecordSlots));
        side.logits = gpu(rounded(values({kSequences, kVocabulary}, 1, 6), at::kBFloat16));
        side.mass = gpu(at::zeros({kSequences, kVocabulary}, at::kFloat));
        side.notes = gpu(values({kSequences, kNotes}, 2));
        side.noted = gpu(at::zeros({kSequences, kernels::kRecordSlots, kNotes}, at::kFloat));
        return side;
    };
    const auto callOf = [&](const Side& side, std::int64_t first, std::int64_t count) {
        kernels::TokenChoice call{.logits = data<float>(side.logits[first]),
                                  .vocabulary = kVocabulary,
                                  .batch = count,
                                  .seen = data<std::uint8_t>(side.seen[first]),
                                  .mass = data<float>(side.mass[first])};
        call.settings = static_cast<const kernels::ChoiceSettings*>(side.settings[first].data_ptr());
        call.state = static_cast<kernels::TokenState*>(side.state[first].data_ptr());
        call.records = static_cast<kernels::TokenRecord*>(side.records[first].data_ptr());
        call.notes = data<float>(side.notes[first]);
        call.noted = data<float>(side.noted[first]);
        call.noteCount = kNotes;
        return call;
    };
    const Side together = make(), alone = make();
    for (std::int64_t step = 0; step < kSteps; ++step) {
        checkLaunch("choose", cudaTable().decode.chooseToken(callOf(together, 0, kSequences), stream()));
        for (std::int64_t b = 0; b < kSequences; ++b)
            checkLaunch("choose", cudaTable().decode.chooseToken(callOf(alone, b, 1), stream()));
    }
    const at::Tensor told = together.records.cpu(), toldAlone = alone.records.cpu();
    for (std::int64_t b = 0; b < kSequences; ++b)
        for (int slot = 0; slot < kernels::kRecordSlots; ++slot) {
            const auto& x = static_cast<const kernels::TokenRecord*>(told[b].data_ptr())[slot];
            const auto& y = static_cast<const kernels::TokenRecord*>(toldAlone[b].data_ptr())[slot];
            EXPECT_EQ(std::tie(x.id, x.rank, x.index, x.alternatives, x.logprob, x.entropy),
                      std::tie(y.id, y.rank, y.index, y.alternatives, y.logprob, y.entropy));
            for (int i = 0; i < x.alternatives; ++i)
                EXPECT_EQ(std::tie(x.alternativeIds[i], x.alternativeLogprobs[i]),
                          std::tie(y.alternativeIds[i], y.alternativeLogprobs[i]));
        }
    EXPECT_TRUE(sameBits(together.noted, alone.noted));
    EXPECT_TRUE(sameBits(together.seen, alone.seen));
    EXPECT_TRUE(sameBits(together.state, alone.state));
    const at::Tensor host = together.state.cpu();
    for (std::int64_t b = 0; b < kSequences; ++b) {
        const auto& state = *static_cast<const kernels::TokenState*>(host[b].data_ptr());
        const std::int64_t moved = std::min<std::int64_t>(kSteps, left[static_cast<std::size_t>(b)]);
        EXPECT_EQ(state.index, b + moved) << b;
        EXPECT_EQ(state.left, left[static_cast<std::size_t>(b)] - moved) << b;
        if (moved > 0) EXPECT_EQ(state.position, state.left > 0 ? 10 * b + moved : -1) << b;
    }
    EXPECT_EQ(told[3].sum().item<std::int64_t>(), 0) << "who has no tokens left tells none";
    // The embedding of each one's token.
    for (const auto type : kTypes) {
        const at::Tensor embedding = onGpu(values({kVocabulary, 72}, 5), type);
        const Guarded x({kSequences, 72}, type), counters({9}, at::kInt);
        checkLaunch("begin", cudaTable().decode.beginToken(
                                 elementFor(type), callOf(together, 0, 1).state, kSequences,
                                 embedding.data_ptr(), 72, x.inner.data_ptr(),
                                 static_cast<std::uint32_t*>(counters.inner.data_ptr()), 9, stream()));
        EXPECT_TRUE(x.intact() && counters.intact());
        EXPECT_TRUE((counters.inner == 0).all().item<bool>());
        for (std::int64_t b = 0; b < kSequences; ++b)
            EXPECT_TRUE(sameBits(
                x.inner[b], embedding[static_cast<const kernels::TokenState*>(host[b].data_ptr())->token]));
    }
}

}  // namespace
}  // namespace caravan::engine::ops
