// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/ops_gpu/device.h"

namespace caravan::engine::ops {
namespace {

class RouteOnGpu : public GpuTest {};

struct Case {
    std::int64_t tokens, width, experts, k;
    bool skewed = false;  // every token's best expert is the last one
};
const Case kCases[] = {{1, 128, 8, 2},          {5, 384, 8, 8},     {17, 512, 16, 3},
                       {300, 1024, 24, 2},      {2048, 4096, 8, 2}, {2048, 1024, 8, 2, true},
                       {3000, 640, 32, 3},  // more slots than one block sorts
                       {4096, 256, 8, 2, true}, {70, 100, 6, 2}};

// The product, the choice and the sort; the last two exactly as the CPU has them for the same logits.
TEST_F(RouteOnGpu, FromTheRowsOfAPass) {
    for (const Case& c : kCases)
        for (const auto type : kTypes) {
            SCOPED_TRACE(testing::Message() << c.tokens << " tokens of " << c.width << ", " << c.k << " of "
                                            << c.experts << (c.skewed ? ", skewed, " : ", ") << type);
            at::Tensor x = values({c.tokens, c.width}, 1), weight = values({c.experts, c.width}, 2, 0.3);
            if (c.skewed) {
                x.abs_();
                weight[c.experts - 1].fill_(0.3);
            }
            x = rounded(x, type);
            weight = rounded(weight, type);
            const Routing expected = route(x, weight, c.k),
                          got = route(onGpu(x, type), onGpu(weight, type), c.k),
                          again = route(onGpu(x, type), onGpu(weight, type), c.k);
            EXPECT_LT(relativeError(got.logits, expected.logits), tolerance(type));
            const Routing same = route(got.logits.cpu(), c.k);
            EXPECT_TRUE(at::equal(got.chosen.cpu(), same.chosen));
            EXPECT_LT(relativeError(got.weights, same.weights), 1e-6);
            EXPECT_TRUE(at::equal(got.counts.cpu(), same.counts));
            EXPECT_TRUE(at::equal(got.offsets.cpu(), same.offsets));
            EXPECT_TRUE(at::equal(got.order.cpu(), same.order));
            EXPECT_TRUE(at::equal(got.place.cpu(), same.place));
            if (c.skewed) EXPECT_EQ(got.counts[c.experts - 1].item<std::int32_t>(), c.tokens);
            EXPECT_TRUE(sameBits(got.logits, again.logits) && sameBits(got.weights, again.weights));
            x[c.tokens - 1].neg_();
            EXPECT_GT(relativeError(route(onGpu(x, type), onGpu(weight, type), c.k).logits[c.tokens - 1],
                                    expected.logits[c.tokens - 1]),
                      0.5)
                << "an error must show";
        }
}

}  // namespace
}  // namespace caravan::engine::ops
