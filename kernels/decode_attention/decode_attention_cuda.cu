// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/device.cuh"
#include "kernels/decode_attention/decode_attention.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kWarps = 8, kMaxHead = 256, kPerLane = kMaxHead / 32;

// One block per query head. Every warp takes each eighth position with a running softmax; warps are merged in
// order.
template <class T>
__global__ void decodeKernel(const T* q, const T* keys, const T* values, const std::int32_t* lengths, T* out,
                             DecodeShape s) {
    __shared__ float tops[kWarps], totals[kWarps], sums[kWarps][kMaxHead];
    const std::int64_t item = blockIdx.x, row = item / s.heads, head = item % s.heads;
    const std::int64_t base = row * s.rowStride + head / (s.heads / s.kvHeads) * s.headStride;
    const std::int64_t last = lengths[row], first = s.window > 0 && last > s.window ? last - s.window : 0;
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, size = static_cast<int>(s.headSize);
    const float scale = rsqrtf(static_cast<float>(size));
    float query[kPerLane], sum[kPerLane], top = -INFINITY, total = 0;
    for (int i = 0; i < kPerLane; ++i) {
        query[i] = lane + 32 * i < size ? toFloat(q[item * size + lane + 32 * i]) * scale : 0.0f;
        sum[i] = 0;
    }
    for (std::int64_t p = first + warp; p < last; p += kWarps) {
        const std::int64_t at = base + p * s.positionStride;
        float score = 0;
        for (int i = 0; i < kPerLane; ++i)
            if (lane + 32 * i < size) score += query[i] * toFloat(keys[at + lane + 32 * i]);
        score = warpReduce(score, Plus{});
        const float higher = fmaxf(top, score), old = expf(top - higher), weight = expf(score - higher);
        top = higher;
        total = total * old + weight;
        for (int i = 0; i < kPerLane; ++i)
            if (lane + 32 * i < size) sum[i] = sum[i] * old + weight * toFloat(values[at + lane + 32 * i]);
    }
    if (lane == 0) {
        tops[warp] = top;
        totals[warp] = total;
    }
    for (int i = 0; i < kPerLane; ++i)
        if (lane + 32 * i < size) sums[warp][lane + 32 * i] = sum[i];
    __syncthreads();
    float highest = -INFINITY, all = 0;
    for (int w = 0; w < kWarps; ++w)
        highest = fmaxf(highest, tops[w]);
    for (int w = 0; w < kWarps; ++w)
        all += totals[w] > 0 ? totals[w] * expf(tops[w] - highest) : 0.0f;
    for (int c = threadIdx.x; c < size; c += kWarps * 32) {
        float merged = 0;
        for (int w = 0; w < kWarps; ++w)
            merged += totals[w] > 0 ? sums[w][c] * expf(tops[w] - highest) : 0.0f;
        out[item * size + c] = fromFloat<T>(merged / all);
    }
}

}  // namespace

int decodeAttention(Element element, const void* q, const void* keys, const void* values,
                    const std::int32_t* lengths, void* out, const DecodeShape& shape, std::int64_t items,
                    Stream stream) {
    if (items == 0) return 0;
    if (shape.headSize > kMaxHead) return static_cast<int>(cudaErrorInvalidValue);
    forElement(element, [&](auto type) {
        using T = decltype(type);
        decodeKernel<T><<<static_cast<unsigned>(items), kWarps * 32, 0, stream>>>(
            static_cast<const T*>(q), static_cast<const T*>(keys), static_cast<const T*>(values), lengths,
            static_cast<T*>(out), shape);
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
