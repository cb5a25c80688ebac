// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/dispatch.h"
#include "tests/engine/ops_gpu/device.h"

// The head of a decoding step against its plain version.
namespace caravan::engine::ops {
namespace {

class DecodeHeadOnGpu : public GpuTest {};

struct Head {
    std::int64_t rows, inner, batch;
    bool norm = true;
};

kernels::DecodeLinear callOf(const Head& c, const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& norm, const at::Tensor& out) {
    kernels::DecodeLinear l{
        .inner = c.inner, .batch = x.size(0), .input = x.data_ptr(), .eps = 1e-5F, .partCount = 1};
    if (c.norm) l.norm = norm.data_ptr();
    l.parts[0].rows = c.rows;
    l.parts[0].dense = weight.data_ptr();
    l.wide = true;
    l.out = out.data_ptr();
    l.outStride = c.rows;
    return l;
}

TEST_F(DecodeHeadOnGpu, AgreesWithThePlainVersion) {
    for (const Head& c :
         {Head{32000, 512, 1}, Head{1003, 384, 3, false}, Head{4001, 4096, 16}, Head{97, 7168, 9},
          Head{333, 5120, 8}, Head{50, 100, 2}, Head{5, 64, 5, false}, Head{700, 8200, 16}})
        for (const auto type : kTypes) {
            SCOPED_TRACE(testing::Message() << c.batch << ": " << c.rows << " x " << c.inner << " " << type);
            const at::Tensor x = rounded(values({c.batch, c.inner}, 1, 2), type),
                             weight = rounded(values({c.rows, c.inner}, 2, 0.1), type),
                             norm = rounded(values({c.inner}, 3, 0.5) + 1.0, type),
                             expected = at::zeros({c.batch, c.rows}, at::kFloat);
            kernels::decodeLinear(callOf(c, x, weight, norm, expected));
            const at::Tensor xOn = onGpu(x, type), weightOn = onGpu(weight, type), normOn = onGpu(norm, type);
            const Guarded y({c.batch, c.rows}, at::kFloat);
            const auto run = [&](const at::Tensor& in, const at::Tensor& out) {
                checkLaunch("head",
                            cudaTable().decode.head(type == at::kBFloat16 ? kernels::cuda::Element::BF16
                                                                          : kernels::cuda::Element::F32,
                                                    callOf(c, in, weightOn, normOn, out), streamOf(xOn)));
            };
            run(xOn, y.inner);
            EXPECT_TRUE(y.intact());
            EXPECT_LT(relativeError(y.inner, expected), tolerance(type));
            EXPECT_TRUE(sameBits(y.inner, y.inner.to(type).to(at::kFloat))) << "rounded to the element type";
            const at::Tensor first = y.inner.clone();
            for (std::int64_t b = 0; b < c.batch; ++b) {
                y.inner.zero_();
                run(xOn.narrow(0, b, 1), y.inner[b]);
                EXPECT_TRUE(sameBits(first[b], y.inner[b])) << "sequence " << b << " alone";
            }
            weightOn[c.rows - 1].add_(0.5);
            run(xOn, y.inner);
            EXPECT_GT(relativeError(y.inner.narrow(1, c.rows - 1, 1), expected.narrow(1, c.rows - 1, 1)),
                      1e-2)
                << "an injected error shows";
        }
}

}  // namespace
}  // namespace caravan::engine::ops
