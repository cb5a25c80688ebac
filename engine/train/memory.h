// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include "engine/api/ids.h"

namespace caravan::engine::train {

// Device memory in use at its peak since the last call; on the CPU the resident set of the process.
[[nodiscard]] Bytes takePeakMemory(at::Device device);
// Gives cached blocks back (after running out of memory); nothing to do on the CPU.
void releaseCachedMemory(at::Device device);

}  // namespace caravan::engine::train
