// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>

#include "engine/session/device_choice.h"
#include "tests/engine/step_gpu/step_fixture.h"

namespace caravan::engine {
namespace {

using CardOnGpu = StepOnGpu;

// What only a real driver can show: its numbers are those of a card, in the units that we give them.
TEST_F(CardOnGpu, TellsMemoryPowerAndTemperature) {
    EngineOptions options;
    options.device = "cuda";
    const DeviceChoice choice = chooseDevice(options);
    ASSERT_FALSE(choice.refused);
    EXPECT_EQ(ops::cudaBusId(0).size(), 12U) << ops::cudaBusId(0);
    const DeviceStatus status = deviceStatus(choice);
    std::printf("%s at %s: %.1f of %.1f GiB, %.1f W, %.0f degrees C, %.0f %% busy\n", status.name.c_str(),
                ops::cudaBusId(0).c_str(), static_cast<double>(status.memoryUsed) / (1LL << 30),
                static_cast<double>(status.memoryTotal) / (1LL << 30), status.powerWatts, status.celsius,
                status.busy * 100);
    EXPECT_GT(status.memoryTotal, 1LL << 30);
    EXPECT_GT(status.memoryUsed, 0);
    EXPECT_LE(status.memoryUsed, status.memoryTotal);
    EXPECT_GT(status.powerWatts, 0);
    EXPECT_LT(status.powerWatts, 2000);
    EXPECT_GT(status.celsius, 0);
    EXPECT_LT(status.celsius, 120);
    EXPECT_GE(status.busy, -1);  // a parted card does not tell
    EXPECT_LE(status.busy, 1);
}

}  // namespace
}  // namespace caravan::engine
