// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "engine/api/ids.h"

namespace caravan::engine {

struct HostMemory {
    Bytes used = 0;       // resident set of this process
    Bytes available = 0;  // what could still be taken, of the machine or of the container's limit
    Bytes total = 0;
};
[[nodiscard]] HostMemory hostMemory();
[[nodiscard]] std::string processorName();  // "AMD EPYC 9554", or "CPU"

}  // namespace caravan::engine
