// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

// Threads of the CPU kernels: the same pool that at:: uses.
namespace caravan::engine::ops {

// Threads of at:: and of parallelRows in the calling thread; 0 = physical cores. Also sets up the allocator
// for large temporaries and switches denormals off. Call it in every thread that computes, before the first
// operation.
void setThreads(int threads);
[[nodiscard]] int threads();
[[nodiscard]] int physicalCores();

namespace detail {
void parallelRange(std::int64_t n, std::int64_t grain, void (*call)(void*, std::int64_t, std::int64_t),
                   void* context);
}

// f(begin, end) over ranges that together are [0, n), each of grain rows or a multiple of it but for the
// last; a thread that is done takes ranges of the others. f must not throw. Kernels treat rows independently,
// so results do not depend on the split.
template <class F>
void parallelRows(std::int64_t n, std::int64_t grain, F&& f) {
    using Function = std::remove_reference_t<F>;
    detail::parallelRange(
        n, grain,
        [](void* context, std::int64_t begin, std::int64_t end) {
            (*static_cast<Function*>(context))(begin, end);
        },
        const_cast<void*>(static_cast<const void*>(std::addressof(f))));
}

}  // namespace caravan::engine::ops
