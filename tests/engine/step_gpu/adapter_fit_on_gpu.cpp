// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/Functions.h>

#include "engine/routing/adapter_fit.h"
#include "tests/engine/step_gpu/step_fixture.h"

namespace caravan::engine {
namespace {

using AdapterFitOnGpu = StepOnGpu;

routing::FfnPairs pairsOn(at::Device device) {
    constexpr std::int64_t kHidden = 64;
    const auto drawn = [](at::IntArrayRef shape, std::int32_t site) {
        return ops::uniformHost(shape, 1, {.seed = 3, .purpose = ops::Purpose::Perturb, .site = site});
    };
    const at::Tensor down = drawn({4, kHidden}, 1) * 0.5, up = drawn({kHidden, 4}, 2) * 0.5;
    const auto part = [&](std::int64_t tokens, std::int32_t site) {
        const at::Tensor u = drawn({tokens, kHidden}, site);
        const at::Tensor tuned = u + at::mm(at::gelu(at::mm(u, down.t())), up.t());
        return routing::FfnPair{u.to(device), tuned.to(device)};
    };
    return {part(2048, 3), part(512, 4)};
}

// The same steps with the same rows: rounding apart, the same fit; and the adapter that is there is found.
TEST_F(AdapterFitOnGpu, IsTheCpusAndFindsTheAdapter) {
    const routing::FfnPairs here = pairsOn(at::kCPU), there = pairsOn(kGpu);
    for (const std::int64_t width : {2, 8}) {
        const routing::FitOptions few{.width = width, .maxSteps = 100};
        const AdapterFit cpu = routing::fitAdapter(here, few, {}, {}),
                         gpu = routing::fitAdapter(there, few, {}, {});
        EXPECT_NEAR(gpu.fitted, cpu.fitted, 2e-3 * cpu.fitted) << width;
        EXPECT_NEAR(gpu.heldOut, cpu.heldOut, 2e-3 * cpu.heldOut) << width;
    }
    EXPECT_LT(routing::fitAdapter(there, {.width = 8}, {}, {}).heldOut, 1e-2);
    std::vector<AdapterFit> fits(1);
    fits[0].width = 2;
    routing::addLinearMaps(there, fits);
    EXPECT_GT(fits[0].linear, 0.1);
    EXPECT_LT(fits[0].linear, 1);
}

}  // namespace
}  // namespace caravan::engine
