// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// CARAVAN_CLONES: one version of a function per vector width, picked at load time. Bodies are written with a
// fixed number of lanes and without fused multiply-adds, so every version gives the same bits. Sanitizers
// start after the resolvers: plain there.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define CARAVAN_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CARAVAN_CLONES
#endif
#define CARAVAN_INLINE inline __attribute__((always_inline))

#if defined(__CUDACC__)
#define CARAVAN_DEVICE __host__ __device__ __forceinline__
#else
#define CARAVAN_DEVICE inline __attribute__((always_inline))
#endif
