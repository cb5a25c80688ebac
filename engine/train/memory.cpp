// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/memory.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <unistd.h>

#include <fstream>

namespace caravan::engine::train {

Bytes takePeakMemory(at::Device device) {
    if (device.is_cpu()) {
        std::ifstream file("/proc/self/statm");
        std::int64_t total = 0, resident = 0;
        file >> total >> resident;
        return resident * ::sysconf(_SC_PAGESIZE);
    }
    c10::DeviceAllocator* allocator = c10::getDeviceAllocator(device.type());
    const auto index = device.has_index() ? device.index() : c10::DeviceIndex{0};
    const auto stats = allocator->getDeviceStats(index);
    allocator->resetPeakStats(index);
    return stats.allocated_bytes[0].peak;
}

void releaseCachedMemory(at::Device device) {
    if (!device.is_cpu()) c10::getDeviceAllocator(device.type())->emptyCache();
}

}  // namespace caravan::engine::train
