// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/attention_fp32/tiles.cuh"

// The three passes: out of queries; dq of queries; dk and dv of keys.
namespace caravan::kernels::cuda::attention32 {

template <int Size>
inline constexpr int kBlocks = Size == 64 ? 3 : 1;  // of a multiprocessor

// The others' tiles pass by: the next one is on its way while f(tile of the shared memory, first row) works.
template <class Fetch, class F>
__device__ __forceinline__ void passBy(Range range, Fetch fetch, F f) {
    int at = 0;
    fetch(at, range.first);
    closeGroup();
    for (int first = range.first; first < range.end; first += kOthers, at ^= 1) {
        if (first + kOthers < range.end) fetch(at ^ 1, first + kOthers);
        closeGroup();
        awaitGroups<1>();
        __syncthreads();
        f(at, first);
        __syncthreads();
    }
}

__device__ __forceinline__ float overQuad(float x, bool largest) {
#pragma unroll
    for (int step = 1; step <= 2; step *= 2) {
        const float other = __shfl_xor_sync(0xFFFFFFFFu, x, step);
        x = largest ? fmaxf(x, other) : x + other;
    }
    return x;
}

template <int Size>
__device__ __forceinline__ void storeRows(const Sum<Size>& sum, float* to, std::int64_t stride,
                                          const float (&factor)[2], const Place<kOwn<Size>>& place,
                                          const Lane& lane) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int row = place.first + lane.firstRow + half * 8;
        if (row >= place.length) continue;
        float* at = to + row * stride + lane.inQuad * 2;
#pragma unroll
        for (int n = 0; n < Size / 8; ++n)
            *reinterpret_cast<float2*>(at + n * 8) =
                make_float2(sum[n][half * 2] * factor[half], sum[n][half * 2 + 1] * factor[half]);
    }
}

template <int Size>
__global__ void __launch_bounds__(kThreads<Size>, kBlocks<Size>)
    forwardKernel(const __grid_constant__ AttentionFp32 a) {
    extern __shared__ __align__(16) unsigned char memory[];
    auto& shared = *reinterpret_cast<Shared<Size>*>(memory);
    const Place<kOwn<Size>> place(a, true);
    if (place.none()) return;
    const Lane lane;
    const int window = static_cast<int>(a.window);
    const float *k = headOf(a.k, a.kStride, place.begin, place.kvHead, Size),
                *v = headOf(a.v, a.vStride, place.begin, place.kvHead, Size);
    fetchRows<Size, kOwn<Size>>(shared.own[0], headOf(a.q, a.qStride, place.begin, place.head, Size),
                                a.qStride, place.first, place.length);
    Sum<Size> sum = {};
    float largest[2] = {-INFINITY, -INFINITY}, total[2] = {};
    passBy(
        place.keys(window),
        [&](int at, int first) {
            fetchRows<Size, kOthers>(shared.others[at][0], k, a.kStride, first, place.length);
            fetchRows<Size, kOthers>(shared.others[at][1], v, a.vStride, first, place.length);
        },
        [&](int at, int first) {
            Scores scores;
            multiplyRows<Size>(scores, shared.own[0], shared.others[at][0], lane);
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int query = place.first + lane.firstRow + half * 8;
                float most = -INFINITY;
#pragma unroll
                for (int j = 0; j < kOthers / 8; ++j)
#pragma unroll
                    for (int i = half * 2; i < half * 2 + 2; ++i) {
                        const bool seen = sees(query, first + lane.other(j, i), window);
                        scores[j][i] = seen ? scores[j][i] * a.scale : -INFINITY;
                        most = fmaxf(most, scores[j][i]);
                    }
                most = fmaxf(largest[half], overQuad(most, true));
                const float base = most == -INFINITY ? 0 : most, factor = expf(largest[half] - base);
                largest[half] = most;
                float added = 0;
#pragma unroll
                for (int j = 0; j < kOthers / 8; ++j)
#pragma unroll
                    for (int i = half * 2; i < half * 2 + 2; ++i) {
                        scores[j][i] = expf(scores[j][i] - base);
                        added += scores[j][i];
                    }
                total[half] = total[half] * factor + added;
#pragma unroll
                for (int n = 0; n < Size / 8; ++n)
                    sum[n][half * 2] *= factor, sum[n][half * 2 + 1] *= factor;
            }
            addWeighted<Size>(sum, scores, shared.others[at][1], lane);
        });
    float factor[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        total[half] = overQuad(total[half], false);
        factor[half] = 1 / total[half];
        const int query = place.first + lane.firstRow + half * 8;
        if (a.logsumexp && lane.inQuad == 0 && query < place.length)
            a.logsumexp[place.head * a.tokens + place.begin + query] = largest[half] + logf(total[half]);
    }
    const std::int64_t stride = a.heads * Size;
    storeRows<Size>(sum, a.out + place.begin * stride + place.head * Size, stride, factor, place, lane);
}

template <int Size>
__global__ void __launch_bounds__(kThreads<Size>, kBlocks<Size>)
    queryKernel(const __grid_constant__ AttentionFp32Backward b) {
    extern __shared__ __align__(16) unsigned char memory[];
    auto& shared = *reinterpret_cast<Shared<Size>*>(memory);
    const AttentionFp32& a = b.forward;
    const Place<kOwn<Size>> place(a, true);
    if (place.none()) return;
    const Lane lane;
    const int window = static_cast<int>(a.window);
    const std::int64_t stride = a.heads * Size;
    const float *k = headOf(a.k, a.kStride, place.begin, place.kvHead, Size),
                *v = headOf(a.v, a.vStride, place.begin, place.kvHead, Size),
                *dout = headOf(b.dout, b.doutStride, place.begin, place.head, Size),
                *out = headOf(a.out, stride, place.begin, place.head, Size);
    fetchRows<Size, kOwn<Size>>(shared.own[0], headOf(a.q, a.qStride, place.begin, place.head, Size),
                                a.qStride, place.first, place.length);
    fetchRows<Size, kOwn<Size>>(shared.own[1], dout, b.doutStride, place.first, place.length);
    float logsumexp[2], product[2] = {};
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int query = min(place.first + lane.firstRow + half * 8, place.length - 1);
        const std::int64_t at = place.head * a.tokens + place.begin + query;
        logsumexp[half] = a.logsumexp[at];
#pragma unroll
        for (int i = 0; i < Size / 16; ++i) {
            const int column = (i * 4 + lane.inQuad) * 4;
            const auto x = *reinterpret_cast<const float4*>(out + query * stride + column),
                       y = *reinterpret_cast<const float4*>(dout + query * b.doutStride + column);
            product[half] += x.x * y.x + x.y * y.y + x.z * y.z + x.w * y.w;
        }
        product[half] = overQuad(product[half], false);
        if (lane.inQuad == 0) b.sums[at] = product[half];
    }
    Sum<Size> sum = {};
    passBy(
        place.keys(window),
        [&](int at, int first) {
            fetchRows<Size, kOthers>(shared.others[at][0], k, a.kStride, first, place.length);
            fetchRows<Size, kOthers>(shared.others[at][1], v, a.vStride, first, place.length);
        },
        [&](int at, int first) {
            Scores scores, change;
            multiplyRows<Size>(scores, shared.own[0], shared.others[at][0], lane);
            multiplyRows<Size>(change, shared.own[1], shared.others[at][1], lane);
#pragma unroll
            for (int j = 0; j < kOthers / 8; ++j)
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const bool seen =
                        sees(place.first + lane.firstRow + i / 2 * 8, first + lane.other(j, i), window);
                    const float share = seen ? expf(scores[j][i] * a.scale - logsumexp[i / 2]) : 0;
                    scores[j][i] = share * (change[j][i] - product[i / 2]);
                }
            addWeighted<Size>(sum, scores, shared.others[at][0], lane);
        });
    const float factor[2] = {a.scale, a.scale};
    storeRows<Size>(sum, b.dq + place.begin * stride + place.head * Size, stride, factor, place, lane);
}

template <int Size>
__global__ void __launch_bounds__(kThreads<Size>, kBlocks<Size>)
    keyKernel(const __grid_constant__ AttentionFp32Backward b) {
    extern __shared__ __align__(16) unsigned char memory[];
    auto& shared = *reinterpret_cast<Shared<Size>*>(memory);
    const AttentionFp32& a = b.forward;
    const Place<kOwn<Size>> place(a, false);
    if (place.none()) return;
    const Lane lane;
    const int window = static_cast<int>(a.window);
    const float *q = headOf(a.q, a.qStride, place.begin, place.head, Size),
                *dout = headOf(b.dout, b.doutStride, place.begin, place.head, Size);
    const std::int64_t firstRow = place.head * a.tokens + place.begin;
    fetchRows<Size, kOwn<Size>>(shared.own[0], headOf(a.k, a.kStride, place.begin, place.kvHead, Size),
                                a.kStride, place.first, place.length);
    fetchRows<Size, kOwn<Size>>(shared.own[1], headOf(a.v, a.vStride, place.begin, place.kvHead, Size),
                                a.vStride, place.first, place.length);
    Sum<Size> ofKeys = {}, ofValues = {};
    passBy(
        place.queries(window),
        [&](int at, int first) {
            fetchRows<Size, kOthers>(shared.others[at][0], q, a.qStride, first, place.length);
            fetchRows<Size, kOthers>(shared.others[at][1], dout, b.doutStride, first, place.length);
            if (threadIdx.x < 2 * kOthers) {
                const int other = static_cast<int>(threadIdx.x) % kOthers;
                const bool inside = first + other < place.length, sums = threadIdx.x >= kOthers;
                const float* from = (sums ? b.sums : a.logsumexp) + firstRow + first + other;
                // Behind the row no query has a share of any key.
                shared.perOther[at][sums][other] = inside ? *from : (sums ? 0 : INFINITY);
            }
        },
        [&](int at, int first) {
            Scores scores, change;
            multiplyRows<Size>(scores, shared.own[0], shared.others[at][0], lane);
#pragma unroll
            for (int j = 0; j < kOthers / 8; ++j)
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const int other = lane.other(j, i);
                    const bool seen = sees(first + other, place.first + lane.firstRow + i / 2 * 8, window);
                    scores[j][i] = seen ? expf(scores[j][i] * a.scale - shared.perOther[at][0][other]) : 0;
                }
            addWeighted<Size>(ofValues, scores, shared.others[at][1], lane);
            multiplyRows<Size>(change, shared.own[1], shared.others[at][1], lane);
#pragma unroll
            for (int j = 0; j < kOthers / 8; ++j)
#pragma unroll
                for (int i = 0; i < 4; ++i)
                    scores[j][i] *= change[j][i] - shared.perOther[at][1][lane.other(j, i)];
            addWeighted<Size>(ofKeys, scores, shared.others[at][0], lane);
        });
    const std::int64_t stride = a.heads * Size, to = place.begin * stride + place.head * Size;
    const float one[2] = {1, 1}, factor[2] = {a.scale, a.scale};
    storeRows<Size>(ofValues, b.dv + to, stride, one, place, lane);
    storeRows<Size>(ofKeys, b.dk + to, stride, factor, place, lane);
}

}  // namespace caravan::kernels::cuda::attention32
