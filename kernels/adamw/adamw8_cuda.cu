// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/adamw/adamw8.h"
#include "kernels/common/device.cuh"
#include "kernels/nf4/dynamic_map.h"

namespace caravan::kernels::cuda {
namespace {

__constant__ float kSigned[256];
__constant__ float kUnsigned[256];

int fillTables() {
    static std::uint64_t filled = 0;
    int device = 0;
    if (const auto error = cudaGetDevice(&device)) return static_cast<int>(error);
    if (device < 64 && (filled >> device & 1)) return 0;
    if (const auto error = cudaMemcpyToSymbol(kSigned, kDynamicMapSigned, sizeof kDynamicMapSigned))
        return static_cast<int>(error);
    if (const auto error = cudaMemcpyToSymbol(kUnsigned, kDynamicMapUnsigned, sizeof kDynamicMapUnsigned))
        return static_cast<int>(error);
    if (device < 64) filled |= std::uint64_t{1} << device;
    return 0;
}

__device__ __forceinline__ int nearest(const float* map, float x) {
    int low = 0, high = 255;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        (map[middle] < x ? low : high) = middle;
    }
    return x > __fmul_rn(__fadd_rn(map[low], map[high]), 0.5f) ? high : low;
}

// One block of 256 threads per state block; the CPU's order of roundings.
template <class P, class G>
__global__ void adamW8Kernel(P* parameters, const G* gradients, AdamW8Tensors t, AdamW8Rates r, bool decay) {
    __shared__ float map1[256], map2[256];
    map1[threadIdx.x] = kSigned[threadIdx.x];
    map2[threadIdx.x] = kUnsigned[threadIdx.x];
    __syncthreads();
    if (t.finite != nullptr && *t.finite == 0.0f) return;
    const std::int64_t i = blockIdx.x * kStateBlock + threadIdx.x;
    const bool inside = i < t.count;
    const float raw = inside ? toFloat(gradients[i]) : 0.0f;
    const bool finite = inside && isfinite(raw);
    const float g = __fmul_rn(raw, t.gradientScale != nullptr ? *t.gradientScale : 1.0f);
    float m = 0, v = 0;
    if (finite) {
        const float m0 = __fmul_rn(map1[t.codes1[i]], t.absmax1[blockIdx.x]),
                    v0 = __fmul_rn(map2[t.codes2[i]], t.absmax2[blockIdx.x]);
        m = __fadd_rn(__fmul_rn(m0, r.beta1), __fmul_rn(1.0f - r.beta1, g));
        v = __fadd_rn(__fmul_rn(v0, r.beta2), __fmul_rn(__fmul_rn(1.0f - r.beta2, g), g));
        float p = __fmaf_rn(-r.rate, __fdiv_rn(m, __fadd_rn(__fsqrt_rn(v), r.eps)), toFloat(parameters[i]));
        p = toFloat(fromFloat<P>(p));
        parameters[i] = fromFloat<P>(decay ? __fmul_rn(p, r.keep) : p);
    }
    const float top1 = blockReduce(fabsf(m), 0.0f, Larger{}), top2 = blockReduce(fabsf(v), 0.0f, Larger{});
    if (threadIdx.x == 0) {
        t.absmax1[blockIdx.x] = top1;
        t.absmax2[blockIdx.x] = top2;
    }
    if (!inside) return;
    int code = 255;
    if (top1 != 0) {
        code = nearest(map1, __fdiv_rn(m, top1));
        if (signbit(map1[code]) != signbit(m)) code += m > 0 ? 1 : -1;
    }
    t.codes1[i] = static_cast<std::uint8_t>(code);
    t.codes2[i] = top2 == 0 ? 0 : static_cast<std::uint8_t>(nearest(map2, __fdiv_rn(v, top2)));
}

}  // namespace

int adamW8(const AdamW8Tensors& t, const AdamWStep& step, Stream stream) {
    if (t.count == 0) return 0;
    if (const int error = fillTables()) return error;
    const AdamW8Rates rates = adamW8Rates(step);
    forElement(t.parameterElement, [&](auto parameterType) {
        using P = decltype(parameterType);
        forElement(t.gradientElement, [&](auto gradientType) {
            using G = decltype(gradientType);
            adamW8Kernel<P, G>
                <<<blocksFor(t.count, kStateBlock), static_cast<unsigned>(kStateBlock), 0, stream>>>(
                    static_cast<P*>(t.parameters), static_cast<const G*>(t.gradients), t, rates,
                    step.weightDecay > 0);
        });
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
