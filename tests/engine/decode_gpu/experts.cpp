// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/dispatch.h"
#include "tests/engine/ops_gpu/device.h"

// The experts of a decoding step, in two launches and in one, against their plain version.
namespace caravan::engine::ops {
namespace {

using kernels::cuda::Element;

class DecodeExpertsOnGpu : public GpuTest {};

Element elementFor(at::ScalarType type) {
    return type == at::kBFloat16 ? Element::BF16 : Element::F32;
}
kernels::cuda::Stream stream() {
    return streamOf(at::empty({1}, at::TensorOptions().device(at::kCUDA, 0)));
}

struct Experts {
    std::int64_t experts, k, width, size;
    bool steered = false, residual = true;
    std::int64_t batch = 1;
};

// Everything that a call of the experts points to.
struct ExpertSide {
    at::Tensor logits, bias, preference, u, down, up, residual, notes, hidden, y;
    kernels::ExpertChoice choice;
    kernels::ExpertShape shape;

    // What a call takes of sequence `first` and `count - 1` more.
    [[nodiscard]] kernels::DecodeExperts callOf(std::int64_t first, std::int64_t count) const {
        const auto row = [&](const at::Tensor& x) -> void* {
            return x.defined() ? x[first].data_ptr() : nullptr;
        };
        kernels::DecodeExperts d;
        d.choice = choice;
        d.choice.batch = count;
        d.choice.logits += first * choice.experts;
        d.choice.noted += first * choice.noteStride;
        d.choice.chosen += first * choice.noteStride;
        d.choice.weights += first * choice.noteStride;
        d.shape = shape;
        d.u = row(u), d.residual = row(residual), d.out = row(y);
        d.hidden = static_cast<float*>(row(hidden));
        d.down = down.data_ptr(), d.up = up.data_ptr();
        d.scaling = 0.25F;
        return d;
    }
    void launch(at::ScalarType type, std::int64_t first, std::int64_t count) const {
        const auto& table = cudaTable().decode;
        const auto d = callOf(first, count);
        checkLaunch("down",
                    table.expertsDown(elementFor(type), d.choice, shape, d.u, d.down, d.hidden, stream()));
        checkLaunch("up", table.expertsUp(elementFor(type), d.choice, shape, d.u, d.up, d.hidden, d.scaling,
                                          d.residual, d.out, stream()));
    }
    // The same in one call, where the shape allows in one launch. Exchanges change places after each.
    void launchOnce(at::ScalarType type, std::int64_t first, std::int64_t count, at::Tensor& exchange,
                    at::Tensor& cleared) const {
        auto d = callOf(first, count);
        d.exchange = static_cast<float*>(exchange[first].data_ptr());
        d.cleared = static_cast<float*>(cleared[first].data_ptr());
        d.ahead = down.data_ptr();
        d.aheadBytes = down.numel() * down.element_size() / 16 * 16;
        checkLaunch("experts", cudaTable().decode.experts(elementFor(type), d, stream()));
        std::swap(exchange, cleared);
    }
    void compute() const {
        kernels::decodeExpertsDown(choice, shape, data<float>(u), data<float>(down), data<float>(hidden));
        kernels::decodeExpertsUp(choice, shape, data<float>(u), data<float>(up), data<float>(hidden), 0.25F,
                                 residual.defined() ? data<float>(residual) : nullptr, data<float>(y));
    }
    [[nodiscard]] at::Tensor chosen() const { return notes.narrow(1, 0, choice.k); }
    [[nodiscard]] at::Tensor told() const { return notes.narrow(1, choice.k, choice.k + choice.experts); }
};

ExpertSide expertSide(const Experts& c, at::ScalarType type, bool device, const at::Tensor& hidden,
                      const at::Tensor& y) {
    ExpertSide side;
    const auto put = [&](const at::Tensor& x, bool element) {
        const at::Tensor v = element ? rounded(x, type).to(device ? type : at::kFloat) : x;
        return device ? gpu(v) : v.clone();
    };
    at::Tensor preference = at::zeros({c.experts}, at::kFloat);
    if (c.steered) {
        preference[1] = -1e30;
        preference[2] = 1e30;
    }
    side.logits = put(values({c.batch, c.experts}, 1, 3), false);
    side.u = put(values({c.batch, c.width}, 2, 2), true);
    side.down = put(values({c.experts, c.size, c.width}, 3, 0.1), true);
    side.up = put(values({c.experts, c.width, c.size}, 4, 0.3), true);
    if (c.residual) side.residual = put(values({c.batch, c.width}, 5), true);
    side.bias = put(values({c.experts}, 6), false);
    side.preference = put(preference, false);
    side.notes = put(at::full({c.batch, 2 * c.k + c.experts + 3}, 5.0F), false);
    side.hidden = hidden;
    side.y = y;
    side.shape = {c.width, c.size};
    auto* notes = data<float>(side.notes);
    side.choice = {c.experts, c.k, data<float>(side.logits)};
    if (c.steered)
        side.choice.bias = data<float>(side.bias), side.choice.preference = data<float>(side.preference);
    side.choice.chosen = reinterpret_cast<std::int32_t*>(notes);
    side.choice.weights = notes + c.k;
    side.choice.noted = notes + 2 * c.k;
    side.choice.batch = c.batch;
    side.choice.noteStride = side.notes.size(1);
    return side;
}

TEST_F(DecodeExpertsOnGpu, TwoLaunchesAgreeWithThePlainVersion) {
    for (const Experts& c :
         {Experts{8, 2, 4096, 512}, Experts{4, 2, 64, 8}, Experts{1, 1, 100, 30},
          Experts{64, 6, 384, 64, true, false}, Experts{8, 8, 128, 24, true},
          Experts{8, 2, 4096, 512, false, true, 2}, Experts{8, 2, 4096, 512, false, true, 5},
          Experts{16, 3, 200, 24, true, true, 16}, Experts{3, 1, 100, 30, false, false, 2},
          Experts{64, 6, 384, 64, true, true, 9}, Experts{8, 2, 4096, 512, true, true, 16},
          Experts{64, 2, 128, 640, false, true, 16}, Experts{8, 1, 8192, 40, false, true, 4}})
        for (const auto type : kTypes) {
            SCOPED_TRACE(testing::Message() << c.batch << ": " << c.k << " of " << c.experts << ", "
                                            << c.width << "/" << c.size << " " << type);
            const ExpertSide host = expertSide(c, type, false, at::zeros({c.batch, c.k, c.size}, at::kFloat),
                                               at::zeros({c.batch, c.width}, at::kFloat));
            host.compute();
            const Guarded hidden({c.batch, c.k, c.size}, at::kFloat), y({c.batch, c.width}, type);
            const ExpertSide device = expertSide(c, type, true, hidden.inner, y.inner);
            device.launch(type, 0, c.batch);
            EXPECT_TRUE(hidden.intact() && y.intact());
            EXPECT_TRUE(sameBits(device.chosen(), host.chosen()));
            EXPECT_LT(relativeError(device.told(), host.told()), 1e-5);
            EXPECT_TRUE((device.notes.narrow(1, 2 * c.k + c.experts, 3) == 5.0F).all().item<bool>());
            EXPECT_LT(relativeError(hidden.inner, host.hidden), 1e-5);
            EXPECT_LT(relativeError(y.inner, host.y), tolerance(type));
            const at::Tensor together = y.inner.clone(), notes = device.notes.clone();
            for (std::int64_t b = 0; c.batch > 1 && b < c.batch; ++b) {
                y.inner.zero_();
                device.launch(type, b, 1);
                EXPECT_TRUE(sameBits(y.inner[b], together[b])) << "sequence " << b << " alone";
            }
            EXPECT_TRUE(sameBits(device.notes, notes));
            const auto first = host.chosen().contiguous();
            device.down[*reinterpret_cast<const std::int32_t*>(first.data_ptr())].add_(0.5);
            device.launch(type, 0, c.batch);
            EXPECT_GT(relativeError(hidden.inner, host.hidden), 1e-3) << "an injected error shows";
        }
}

TEST_F(DecodeExpertsOnGpu, OneCallAgreesWithThePlainVersion) {
    for (const Experts& c :
         {Experts{8, 2, 4096, 512}, Experts{8, 2, 7168, 512}, Experts{4, 2, 64, 32}, Experts{1, 1, 96, 32},
          Experts{1, 1, 100, 30}, Experts{64, 6, 384, 64, true, false}, Experts{8, 8, 128, 32, true},
          Experts{8, 2, 4096, 512, true, true, 2}, Experts{8, 2, 384, 64, false, true, 5},
          Experts{16, 3, 224, 32, true, true, 16}, Experts{16, 16, 256, 32, false, false, 3},
          Experts{64, 6, 384, 64, true, true, 9}, Experts{8, 2, 4096, 512, true, true, 16},
          Experts{64, 2, 128, 640, false, true, 16}, Experts{8, 1, 8192, 96, false, true, 4}})
        for (const auto type : kTypes) {
            SCOPED_TRACE(testing::Message() << c.batch << ": " << c.k << " of " << c.experts << ", "
                                            << c.width << "/" << c.size << " " << type);
            const ExpertSide host = expertSide(c, type, false, at::zeros({c.batch, c.k, c.size}, at::kFloat),
                                               at::zeros({c.batch, c.width}, at::kFloat));
            host.compute();
            const Guarded hidden({c.batch, c.k, c.size}, at::kFloat), y({c.batch, c.width}, type);
            const ExpertSide device = expertSide(c, type, true, hidden.inner, y.inner);
            // Guarded too: what stands behind an exchange is not for the call to clear.
            const Guarded one({c.batch, c.k, c.size}, at::kInt), other({c.batch, c.k, c.size}, at::kInt);
            one.inner.fill_(-1);
            at::Tensor exchange = one.inner, cleared = other.inner;
            device.launchOnce(type, 0, c.batch, exchange, cleared);
            EXPECT_TRUE(hidden.intact() && y.intact() && one.intact() && other.intact());
            EXPECT_TRUE(sameBits(device.chosen(), host.chosen()));
            EXPECT_LT(relativeError(device.told(), host.told()), 1e-5);
            EXPECT_TRUE((device.notes.narrow(1, 2 * c.k + c.experts, 3) == 5.0F).all().item<bool>());
            EXPECT_LT(relativeError(y.inner, host.y), tolerance(type));
            const bool whole = type == at::kBFloat16 && c.width % 32 == 0 && c.size % 32 == 0;
            EXPECT_EQ((other.inner == -1).all().item<bool>(), whole);
            const at::Tensor first = y.inner.clone(), notes = device.notes.clone();
            if (whole)
                EXPECT_LT(relativeError(one.inner.view(at::kFloat), host.hidden), 1e-5);
            else
                one.inner.fill_(-1), other.inner.fill_(-1);
            y.inner.zero_();
            device.launchOnce(type, 0, c.batch, exchange, cleared);
            EXPECT_TRUE(sameBits(first, y.inner)) << "another time";
            for (std::int64_t b = 0; c.batch > 1 && b < c.batch; ++b) {
                y.inner.zero_();
                exchange.fill_(-1);
                device.launchOnce(type, b, 1, exchange, cleared);
                EXPECT_TRUE(sameBits(y.inner[b], first[b])) << "sequence " << b << " alone";
            }
            EXPECT_TRUE(sameBits(device.notes, notes));
            const auto chosen = host.chosen().contiguous();
            device.up[*reinterpret_cast<const std::int32_t*>(chosen.data_ptr())].add_(0.5);
            exchange.fill_(-1);
            device.launchOnce(type, 0, c.batch, exchange, cleared);
            EXPECT_GT(relativeError(y.inner, host.y), 1e-2) << "an injected error shows";
        }
}

}  // namespace
}  // namespace caravan::engine::ops
