// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/target.h"

// For the few kernels that are written in vector instructions: a function marked CARAVAN_AVX2 may be called
// only where hasAvx2() says so.
#if defined(__x86_64__) && defined(__GNUC__)
#define CARAVAN_X86 1
#define CARAVAN_AVX2 __attribute__((target("avx2,fma")))
#else
#define CARAVAN_X86 0
#endif

namespace caravan::kernels {

inline bool hasAvx2() {
#if CARAVAN_X86
    static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return has;
#else
    return false;
#endif
}

}  // namespace caravan::kernels
