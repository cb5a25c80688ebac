// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <c10/core/Device.h>

#include <optional>
#include <string>

#include "engine/api/engine.h"

namespace caravan::engine {

// Where the engine computes: what the options ask for, else a working CUDA device, else the CPU.
struct DeviceChoice {
    at::Device device = at::kCPU;
    std::optional<Error> refused;  // the options demand what is not there: every computation gives this
    std::string note;              // why CUDA is not used, or ""
};
[[nodiscard]] DeviceChoice chooseDevice(const EngineOptions& options);
[[nodiscard]] DeviceStatus deviceStatus(const DeviceChoice& choice);  // quick; no kernel is launched

}  // namespace caravan::engine
