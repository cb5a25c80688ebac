// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/host_status.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace caravan::engine {
namespace {

// "MemTotal:  123 kB" -> bytes.
Bytes memoryLine(const std::string& key) {
    std::ifstream in("/proc/meminfo");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(key + ":")) return std::stoll(line.substr(key.size() + 1)) * 1024;
    return 0;
}

Bytes numberIn(const char* path) {
    std::ifstream in(path);
    Bytes value = -1;
    return in >> value ? value : -1;  // "max" is no number
}

}  // namespace

HostMemory hostMemory() {
    HostMemory memory{.available = memoryLine("MemAvailable"), .total = memoryLine("MemTotal")};
    std::ifstream statm("/proc/self/statm");
    Bytes size = 0, resident = 0;
    if (statm >> size >> resident) memory.used = resident * sysconf(_SC_PAGESIZE);
    const Bytes limit = numberIn("/sys/fs/cgroup/memory.max"),
                current = numberIn("/sys/fs/cgroup/memory.current");
    if (limit > 0 && limit < memory.total) {
        memory.total = limit;
        if (current >= 0) memory.available = std::min(memory.available, std::max<Bytes>(0, limit - current));
    }
    return memory;
}

std::string processorName() {
    std::ifstream in("/proc/cpuinfo");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("model name")) {
            const auto colon = line.find(": ");
            if (colon != std::string::npos) return line.substr(colon + 2);
        }
    return "CPU";
}

}  // namespace caravan::engine
