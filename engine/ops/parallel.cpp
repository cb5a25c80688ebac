// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/parallel.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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
#ifdef CARAVAN_SERIAL
    threads = 1;
#endif
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
namespace {

// Units that a thread of the team still owns, [first, last), in one word: the owner takes from the front,
// threads that have nothing left from the back.
class alignas(64) Share {
  public:
    void set(std::int64_t first, std::int64_t last) { m_units.store(join(first, last)); }
    bool takeFront(std::int64_t& first, std::int64_t& last) {
        return take([&](std::int64_t begin, std::int64_t end) {
            first = begin;
            last = begin + portion(end - begin);
            return join(last, end);
        });
    }
    bool takeBack(std::int64_t& first, std::int64_t& last) {
        return take([&](std::int64_t begin, std::int64_t end) {
            last = end;
            first = end - portion(end - begin);
            return join(begin, first);
        });
    }

  private:
    // A quarter of what is left, so that few calls are made but little is in hand when another thread runs
    // dry; fours of units while there are many, because callers work on several units together.
    static std::int64_t portion(std::int64_t left) {
        const std::int64_t quarter = (left + 3) / 4;
        return quarter > 4 ? quarter / 4 * 4 : quarter;
    }
    static std::uint64_t join(std::int64_t first, std::int64_t last) {
        return static_cast<std::uint64_t>(first) << 32 | static_cast<std::uint64_t>(last);
    }
    template <class F>
    bool take(F&& rest) {
        std::uint64_t units = m_units.load(std::memory_order_relaxed);
        for (;;) {
            const auto begin = static_cast<std::int64_t>(units >> 32);
            const auto end = static_cast<std::int64_t>(units & 0xFFFFFFFFu);
            if (begin >= end) return false;
            if (m_units.compare_exchange_weak(units, rest(begin, end), std::memory_order_relaxed))
                return true;
        }
    }
    std::atomic<std::uint64_t> m_units{0};
};

constexpr std::int64_t kMostParts = 256;
constexpr std::int64_t kUnitsPerPart = 256;  // at most

}  // namespace

// Every thread begins with the same rows in every operation, which may still lie in its cache, and helps the
// others when it is done: cores are not equally fast, and rows not equally expensive. Borders are multiples
// of grain, wherever a thread stops: vectors begin at the same elements in every run.
void parallelRange(std::int64_t n, std::int64_t grain, void (*call)(void*, std::int64_t, std::int64_t),
                   void* context) {
    if (n <= 0) return;
#ifndef CARAVAN_SERIAL
    grain = std::max<std::int64_t>(1, grain);
    const std::int64_t parts =
        std::min({static_cast<std::int64_t>(at::get_num_threads()), (n + grain - 1) / grain, kMostParts});
    if (parts > 1 && !at::in_parallel_region()) {
        const std::int64_t most = grain * kUnitsPerPart * parts;
        const std::int64_t unit = grain * ((n + most - 1) / most), units = (n + unit - 1) / unit;
        std::vector<Share> shares(static_cast<std::size_t>(parts));
        for (std::int64_t part = 0; part < parts; ++part)
            shares[static_cast<std::size_t>(part)].set(units * part / parts, units * (part + 1) / parts);
#pragma omp parallel for num_threads(parts) schedule(static, 1)
        for (std::int64_t part = 0; part < parts; ++part) {
            std::int64_t first = 0, last = 0;
            while (shares[static_cast<std::size_t>(part)].takeFront(first, last))
                call(context, first * unit, std::min(n, last * unit));
            for (std::int64_t other = 1; other < parts; ++other)
                while (shares[static_cast<std::size_t>((part + other) % parts)].takeBack(first, last))
                    call(context, first * unit, std::min(n, last * unit));
        }
        return;
    }
#endif
    call(context, 0, n);
}
}  // namespace detail

}  // namespace caravan::engine::ops
