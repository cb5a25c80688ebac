// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
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

struct Experts {
    std::int64_t experts, k, width, size;
    bool steered = false, residual = true;
};

TEST_F(DecodeKernelsOnGpu, ExpertsAgreeWithThePlainVersion) {
    for (const Experts& c : {Experts{8, 2, 4096, 512}, Experts{4, 2, 64, 8}, Experts{1, 1, 100, 30},
                             Experts{64, 6, 384, 64, true, false}, Experts{8, 8, 128, 24, true}})
        for (const auto type : kTypes) {
            SCOPED_TRACE(testing::Message()
                         << c.k << " of " << c.experts << ", " << c.width << "/" << c.size << " " << type);
            const at::Tensor logits = values({c.experts}, 1, 3), u = rounded(values({c.width}, 2, 2), type),
                             down = rounded(values({c.experts, c.size, c.width}, 3, 0.1), type),
                             up = rounded(values({c.experts, c.width, c.size}, 4, 0.3), type),
                             residual = rounded(values({c.width}, 5), type), bias = values({c.experts}, 6),
                             preference = at::zeros({c.experts}, at::kFloat);
            if (c.steered) {
                preference[1] = -1e30;
                preference[2] = 1e30;
            }
            const auto choiceOf = [&](std::vector<at::Tensor>& kept, bool device) {
                const auto put = [&](const at::Tensor& x) {
                    kept.push_back(device ? gpu(x) : x.clone());
                    return data<float>(kept.back());
                };
                kernels::ExpertChoice choice{c.experts, c.k, put(logits)};
                if (c.steered) choice.bias = put(bias), choice.preference = put(preference);
                choice.noted = put(at::zeros({c.experts}, at::kFloat));
                choice.weights = put(at::zeros({c.k}, at::kFloat));
                choice.chosen = reinterpret_cast<std::int32_t*>(put(at::zeros({c.k}, at::kFloat)));
                return choice;
            };
            std::vector<at::Tensor> host, device;
            const auto expected = choiceOf(host, false), got = choiceOf(device, true);
            const kernels::ExpertShape shape{c.width, c.size};
            at::Tensor hidden = at::zeros({c.k, c.size}, at::kFloat), y = at::zeros({c.width}, at::kFloat);
            kernels::decodeExpertsDown(expected, shape, data<float>(u), data<float>(down),
                                       data<float>(hidden));
            kernels::decodeExpertsUp(expected, shape, data<float>(u), data<float>(up), data<float>(hidden),
                                     0.25F, c.residual ? data<float>(residual) : nullptr, data<float>(y));
            const at::Tensor uOn = onGpu(u, type), downOn = onGpu(down, type), upOn = onGpu(up, type),
                             residualOn = onGpu(residual, type);
            const Guarded hiddenOn({c.k, c.size}, at::kFloat), yOn({c.width}, type);
            const auto& table = cudaTable().decode;
            checkLaunch("down", table.expertsDown(elementFor(type), got, shape, uOn.data_ptr(),
                                                  downOn.data_ptr(), data<float>(hiddenOn.inner), stream()));
            checkLaunch("up", table.expertsUp(elementFor(type), got, shape, uOn.data_ptr(), upOn.data_ptr(),
                                              data<float>(hiddenOn.inner), 0.25F,
                                              c.residual ? residualOn.data_ptr() : nullptr,
                                              yOn.inner.data_ptr(), stream()));
            EXPECT_TRUE(hiddenOn.intact() && yOn.intact());
            for (std::size_t i = 0; i < host.size(); ++i)
                EXPECT_TRUE(i + 1 == host.size() ? sameBits(device[i], host[i])
                                                 : relativeError(device[i], host[i]) < 1e-5)
                    << "choice " << i;
            EXPECT_LT(relativeError(hiddenOn.inner, hidden), 1e-5);
            EXPECT_LT(relativeError(yOn.inner, y), tolerance(type));
            downOn[expected.chosen[0]].add_(0.5);
            checkLaunch("down", table.expertsDown(elementFor(type), got, shape, uOn.data_ptr(),
                                                  downOn.data_ptr(), data<float>(hiddenOn.inner), stream()));
            EXPECT_GT(relativeError(hiddenOn.inner, hidden), 1e-3) << "an injected error shows";
        }
}

struct Attention {
    std::int64_t heads, kvHeads, size, position, splits, window = 0;
    bool norms = false;
};

// Everything that a call points to; out last.
struct AttentionSide {
    std::vector<at::Tensor> kept;
    kernels::SplitAttention call;
    Guarded out{{1}, at::kFloat};
};

AttentionSide attentionSide(const Attention& c, at::ScalarType type, bool device) {
    AttentionSide side;
    const at::ScalarType held = device ? type : at::kFloat;
    const auto put = [&](const at::Tensor& x) {
        const at::Tensor y = rounded(x, type).to(held);
        side.kept.push_back(device ? gpu(y) : y.clone());
        return side.kept.back().data_ptr();
    };
    const auto plain = [&](const at::Tensor& x) {
        side.kept.push_back(device ? gpu(x) : x.clone());
        return side.kept.back().data_ptr();
    };
    const std::int64_t capacity = c.position + 9;
    auto& a = side.call;
    a = {.heads = c.heads,
         .kvHeads = c.kvHeads,
         .headSize = c.size,
         .positionStride = c.kvHeads * c.size,
         .headStride = c.size,
         .window = c.window,
         .splits = c.splits};
    a.keys = put(values({capacity, c.kvHeads, c.size}, 2, 2));
    a.values = put(values({capacity, c.kvHeads, c.size}, 3));
    a.qkv = put(values({(c.heads + 2 * c.kvHeads) * c.size}, 1, 2));
    if (c.norms) a.queryNorm = put(values({c.size}, 4) + 1.5), a.keyNorm = put(values({c.size}, 5) + 1.5);
    a.eps = 1e-6F;
    const at::Tensor angle = at::arange(capacity, at::kFloat).unsqueeze(1) * values({1, c.size / 2}, 6);
    a.cos = static_cast<const float*>(plain(at::cos(angle)));
    a.sin = static_cast<const float*>(plain(at::sin(angle)));
    a.position = static_cast<const std::int32_t*>(plain(at::full({1}, c.position, at::kInt)));
    a.partial = static_cast<float*>(plain(at::zeros({c.heads, c.splits, c.size + 2}, at::kFloat)));
    a.arrived = static_cast<std::uint32_t*>(plain(at::zeros({c.heads}, at::kInt)));
    if (device) {
        side.out = Guarded({c.heads, c.size}, type);
        a.out = side.out.inner.data_ptr();
    } else {
        a.out = plain(at::zeros({c.heads, c.size}, at::kFloat));
    }
    return side;
}

TEST_F(DecodeKernelsOnGpu, AttentionAgreesWithThePlainVersion) {
    for (const Attention& c :
         {Attention{32, 32, 128, 512, 8}, Attention{56, 8, 128, 700, 32}, Attention{6, 2, 64, 0, 8},
          Attention{6, 2, 64, 37, 32, 0, true}, Attention{8, 4, 8, 130, 5, 17}, Attention{4, 2, 96, 33, 1, 9},
          Attention{8, 8, 256, 40, 3}})
        for (const auto type : kTypes) {
            SCOPED_TRACE(testing::Message() << c.heads << "/" << c.kvHeads << " of " << c.size << " at "
                                            << c.position << " in " << c.splits << " " << type);
            const AttentionSide cpu = attentionSide(c, type, false), device = attentionSide(c, type, true);
            kernels::splitAttention(cpu.call);
            const auto run = [&] {
                checkLaunch("attention",
                            cudaTable().decode.attention(elementFor(type), device.call, stream()));
            };
            run();
            EXPECT_TRUE(device.out.intact());
            EXPECT_LT(relativeError(device.out.inner, cpu.kept.back()), tolerance(type));
            EXPECT_LT(relativeError(device.kept[0], cpu.kept[0]), tolerance(type)) << "keys";
            EXPECT_LT(relativeError(device.kept[1], cpu.kept[1]), 1e-7) << "values";
            const at::Tensor first = device.out.inner.clone();
            run();
            EXPECT_TRUE(sameBits(first, device.out.inner)) << "counters are left as they were";
            device.kept[1][c.position / 2].add_(c.position == 0 ? 0.0 : 9.0);
            run();
            if (c.position > 0 && (c.window == 0 || c.window > c.position))
                EXPECT_GT(relativeError(device.out.inner, cpu.kept.back()), 1e-2)
                    << "an injected error shows";
        }
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

}  // namespace
}  // namespace caravan::engine::ops
