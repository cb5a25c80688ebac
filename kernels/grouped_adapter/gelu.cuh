// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/device.cuh"

namespace caravan::kernels::cuda {

// Without the steps that keep numbers below 1.2e-38: of 1 and above, and where 0 does as well.
__device__ __forceinline__ float fastInverse(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
__device__ __forceinline__ float fastExp(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x * 1.44269504088896340736f));
    return y;
}

// Normal distribution function and exp(-x^2 / 2) in one go. fp32 rows: the accurate functions; under bf16's
// rounding a Chebyshev fit of erfc (1.2e-7 relative) with fast exponentials.
struct Normal {
    float phi, density;
};
template <class T>
__device__ __forceinline__ Normal normal(float x) {
    if constexpr (sizeof(T) == 4) {
        return {0.5f * erfcf(x * -0.70710678118654752440f), expf(-0.5f * x * x)};
    } else {
        const float z = fabsf(x) * 0.70710678118654752440f, t = fastInverse(1.0f + 0.5f * z);
        float p = 0.17087277f;
        p = p * t - 0.82215223f;
        p = p * t + 1.48851587f;
        p = p * t - 1.13520398f;
        p = p * t + 0.27886807f;
        p = p * t - 0.18628806f;
        p = p * t + 0.09678418f;
        p = p * t + 0.37409196f;
        p = p * t + 1.00002368f;
        p = p * t - 1.26551223f;
        const float density = fastExp(-0.5f * x * x), half = 0.5f * t * density * fastExp(p);
        return {x >= 0 ? 1.0f - half : half, density};
    }
}

// Of eight columns: gradient = w q gelu'(x), scaled = w gelu(x); adds q gelu(x) to dot. gradient comes in as
// q.
template <class T>
__device__ __forceinline__ void hiddenBackwardEight(const float* x, float* gradient, float* scaled, float w,
                                                    float& dot) {
#pragma unroll
    for (int c = 0; c < 8; ++c) {
        const Normal n = normal<T>(x[c]);
        scaled[c] = x[c] * n.phi;
        dot += gradient[c] * scaled[c];
        gradient[c] *= w * (n.phi + x[c] * (0.39894228040143267794f * n.density));
        scaled[c] *= w;
    }
}

}  // namespace caravan::kernels::cuda
