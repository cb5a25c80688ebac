// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/parallel.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <utility>

namespace caravan::engine::ops {

int physicalCores() {
    std::ifstream file("/proc/cpuinfo");
    std::set<std::pair<std::string, std::string>> cores;
    std::string line, package;
    while (std::getline(file, line)) {
        const auto value = line.substr(std::min(line.size(), line.find(':') + 1));
        if (line.starts_with("physical id")) package = value;
        if (line.starts_with("core id")) cores.emplace(package, value);
    }
    const int logical = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    return cores.empty() ? logical : std::min(logical, static_cast<int>(cores.size()));
}

void setThreads(int threads) {
    at::set_num_threads(threads > 0 ? threads : physicalCores());
    at::globalContext().setFlushDenormal(true);
    // Temporaries of a step are reused from one heap: no page faults, no zeroing by the kernel, every time.
    // 32 MiB is the highest threshold that glibc takes; other threads' arenas would be cut into pieces of 64
    // MiB and given back.
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_ARENA_MAX, 1);
}

int threads() {
    return at::get_num_threads();
}

namespace detail {
void parallelRange(std::int64_t n, std::int64_t grain, void (*call)(void*, std::int64_t, std::int64_t),
                   void* context) {
    if (n <= 0) return;
#ifndef CARAVAN_SERIAL
    const std::int64_t parts =
        std::min<std::int64_t>(at::get_num_threads(), (n + grain - 1) / std::max<std::int64_t>(1, grain));
    if (parts > 1 && !at::in_parallel_region()) {
#pragma omp parallel for num_threads(parts) schedule(static, 1)
        for (std::int64_t part = 0; part < parts; ++part)
            call(context, n * part / parts, n * (part + 1) / parts);
        return;
    }
#endif
    call(context, 0, n);
}
}  // namespace detail

}  // namespace caravan::engine::ops
