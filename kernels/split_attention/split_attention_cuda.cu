// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/dependent.cuh"
#include "kernels/common/device.cuh"
#include "kernels/split_attention/launches.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kWarpsPerBlock = 4, kBlock = kWarpsPerBlock * 32, kMostHead = 256, kRun = 4;

// How a group of lanes holds a head: 16 bytes each where the size is known, else strided single elements.
template <class T, int Size>
struct Held {
    static constexpr int kValues = Size > 0 ? 16 / static_cast<int>(sizeof(T)) : kMostHead / 32;
    static constexpr int kLanes = Size > 0 ? Size / kValues : 32;
    static constexpr int kGroups = kBlock / kLanes;
};

template <class T, int Size>
struct Values {
    uint4 raw;
    __device__ __forceinline__ void load(const T* p, int lane, int) {
        raw = *reinterpret_cast<const uint4*>(p + lane * Held<T, Size>::kValues);
    }
    __device__ __forceinline__ float at(int i) const {
        const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
        if constexpr (sizeof(T) == 4) return __uint_as_float(words[i]);
        return __uint_as_float(i % 2 == 0 ? words[i / 2] << 16 : words[i / 2] & 0xFFFF0000u);
    }
};
template <class T>
struct Values<T, 0> {
    float v[kMostHead / 32];
    __device__ __forceinline__ void load(const T* p, int lane, int size) {
#pragma unroll
        for (int i = 0; i < kMostHead / 32; ++i)
            v[i] = lane + 32 * i < size ? toFloat(p[lane + 32 * i]) : 0.0f;
    }
    __device__ __forceinline__ float at(int i) const {
        return v[i];
    }
};
template <int Size>
__device__ __forceinline__ int elementOf(int lane, int i, int values) {
    return Size > 0 ? lane * values + i : lane + 32 * i;
}

// Cosines and sines of a position, this lane's pairs of a head: constants, so they may be read early.
struct Rotation {
    float cos[kMostHead / 64], sin[kMostHead / 64];

    __device__ __forceinline__ Rotation(const SplitAttention& a, std::int64_t position) {
        const int half = static_cast<int>(a.headSize / 2);
#pragma unroll
        for (int j = 0; j < kMostHead / 64; ++j) {
            const int i = (threadIdx.x & 31) + 32 * j;
            cos[j] = i < half ? a.cos[position * half + i] : 0.0f;
            sin[j] = i < half ? a.sin[position * half + i] : 0.0f;
        }
    }
};

// By one warp: norm and rotation of a head, each rounded to the element type.
template <class T>
__device__ __forceinline__ void rotate(const SplitAttention& a, const T* raw, const T* norm,
                                       const Rotation& rotation, float* to) {
    const int lane = threadIdx.x & 31, half = static_cast<int>(a.headSize / 2);
    float low[kMostHead / 64], high[kMostHead / 64], squares = 0;
#pragma unroll
    for (int j = 0; j < kMostHead / 64; ++j) {
        const int i = lane + 32 * j;
        low[j] = i < half ? toFloat(raw[i]) : 0.0f;
        high[j] = i < half ? toFloat(raw[i + half]) : 0.0f;
        squares += low[j] * low[j] + high[j] * high[j];
    }
    const float r =
        norm ? 1.0f / sqrtf(warpReduce(squares, Plus{}) / static_cast<float>(2 * half) + a.eps) : 1.0f;
#pragma unroll
    for (int j = 0; j < kMostHead / 64; ++j) {
        const int i = lane + 32 * j;
        if (i >= half) continue;
        const float u = norm ? toFloat(fromFloat<T>(low[j] * r * toFloat(norm[i]))) : low[j],
                    v = norm ? toFloat(fromFloat<T>(high[j] * r * toFloat(norm[i + half]))) : high[j];
        to[i] = toFloat(fromFloat<T>(u * rotation.cos[j] - v * rotation.sin[j]));
        to[i + half] = toFloat(fromFloat<T>(v * rotation.cos[j] + u * rotation.sin[j]));
    }
}

// What a block's sequence has of its own; for one sequence nothing is computed.
struct Own {
    const void* qkv;
    const std::int32_t* position;
    void *keys, *values, *out;
    float* partial;
    std::uint32_t* arrived;
};
template <class T, bool Many>
__device__ __forceinline__ Own ownOf(const SplitAttention& a) {
    if constexpr (Many) {
        const std::int64_t b = blockIdx.z, width = a.heads * a.headSize;
        return {static_cast<const T*>(a.qkv) + b * (width + 2 * a.kvHeads * a.headSize),
                a.position + b * a.positionStep,
                a.keysOf[b],
                a.valuesOf[b],
                static_cast<T*>(a.out) + b * width,
                a.partial + b * a.splits * (width + 2 * a.heads),
                a.arrived + b * a.heads};
    } else {
        return {a.qkv, a.position, a.keys, a.values, a.out, a.partial, a.arrived};
    }
}

// The new key and value, to the cache and to shared memory: the cache is read too early for them.
template <class T>
__device__ __forceinline__ void append(const SplitAttention& a, const Own& own, std::int64_t kvHead,
                                       std::int64_t position, const Rotation& rotation, float* key,
                                       float* value) {
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, size = static_cast<int>(a.headSize);
    const T* qkv = static_cast<const T*>(own.qkv);
    const std::int64_t at = position * a.positionStride + kvHead * a.headStride;
    if (warp == kWarpsPerBlock - 1) {
        rotate(a, qkv + (a.heads + kvHead) * size, static_cast<const T*>(a.keyNorm), rotation, key);
        __syncwarp();
        for (int i = lane; i < size; i += 32)
            static_cast<T*>(own.keys)[at + i] = fromFloat<T>(key[i]);
    }
    if (warp == kWarpsPerBlock - 2)
        for (int i = lane; i < size; i += 32) {
            const T v = qkv[(a.heads + a.kvHeads + kvHead) * size + i];
            static_cast<T*>(own.values)[at + i] = v;
            value[i] = toFloat(v);
        }
}

// Block (split, group of Heads query heads that share a key head, sequence).
template <class T, int Size, int Heads, bool Many>
__global__ __launch_bounds__(kBlock) void splitKernel(const __grid_constant__ SplitAttention a) {
    using Hold = Held<T, Size>;
    constexpr int kValues = Hold::kValues, kLanes = Hold::kLanes, kGroups = Hold::kGroups;
    constexpr int kWidth = Size > 0 ? Size : kMostHead;
    __shared__ float query[Heads][kWidth], newKey[kWidth], newValue[kWidth], factors[Heads][32], all[Heads];
    __shared__ float tops[kGroups][Heads], totals[kGroups][Heads], sums[kGroups][Heads][kWidth];
    __shared__ bool isLast;
    const int size = static_cast<int>(a.headSize), perKey = static_cast<int>(a.heads / a.kvHeads);
    const int groupsPerKey = (perKey + Heads - 1) / Heads;
    const std::int64_t kvHead = blockIdx.y / groupsPerKey;
    const int inKey = static_cast<int>(blockIdx.y) % groupsPerKey * Heads;
    const std::int64_t head = kvHead * perKey + inKey;
    const int heads = min(Heads, perKey - inKey);
    const int warp = threadIdx.x >> 5, lane = threadIdx.x % kLanes, group = threadIdx.x / kLanes;

    const Own own = ownOf<T, Many>(a);
    const std::int64_t position = *own.position;
    if (Many && position < 0) {  // a place without a sequence
        previousDone();
        allowNext();
        return;
    }
    const std::int64_t last = position + 1, first = a.window > 0 && last > a.window ? last - a.window : 0;
    const std::int64_t run = (last - first + a.splits - 1) / a.splits, begin = first + blockIdx.x * run,
                       end = min(begin + run, last), old = min(end, position);
    const bool appends = begin < end && end == last;
    const T* keys = static_cast<const T*>(own.keys) + kvHead * a.headStride;
    const T* values = static_cast<const T*>(own.values) + kvHead * a.headStride;
    // Held positions are older than the previous kernel: a group's first ones are read before its end.
    Values<T, Size> k[kRun], v[kRun];
    const auto read = [&](std::int64_t p0) {
#pragma unroll
        for (int r = 0; r < kRun; ++r) {
            const std::int64_t p = min(p0 + r * kGroups, old - 1);
            k[r].load(keys + p * a.positionStride, lane, size);
            v[r].load(values + p * a.positionStride, lane, size);
        }
    };
    const Rotation rotation(a, position);
    if (begin + group < old) read(begin + group);
    previousDone();
    allowNext();
    for (int h = warp; h < heads; h += kWarpsPerBlock)
        rotate(a, static_cast<const T*>(own.qkv) + (head + h) * size, static_cast<const T*>(a.queryNorm),
               rotation, query[h]);
    if (appends) append<T>(a, own, kvHead, position, rotation, newKey, newValue);
    __syncthreads();

    // Groups of one warp may have different numbers of rounds: only the group itself takes part.
    const std::uint32_t members =
        kLanes == 32 ? 0xFFFFFFFFu : ((1u << (kLanes % 32)) - 1) << (threadIdx.x % 32 / kLanes * kLanes);
    const float scale = rsqrtf(static_cast<float>(size));
    float q[Heads][kValues], sum[Heads][kValues], top[Heads], total[Heads];
#pragma unroll
    for (int h = 0; h < Heads; ++h) {
        top[h] = -INFINITY, total[h] = 0;
#pragma unroll
        for (int i = 0; i < kValues; ++i) {
            const int e = elementOf<Size>(lane, i, kValues);
            q[h][i] = e < size && h < heads ? query[h][e] * scale : 0.0f;
            sum[h][i] = 0;
        }
    }
    const auto dotted = [&](float dot) {
#pragma unroll
        for (int offset = kLanes / 2; offset > 0; offset /= 2)
            dot += __shfl_xor_sync(members, dot, offset);
        return dot;
    };
    for (std::int64_t p0 = begin + group; p0 < old; p0 += kRun * kGroups) {
        if (p0 != begin + group) read(p0);
#pragma unroll
        for (int h = 0; h < Heads; ++h) {
            float score[kRun], higher = top[h];
#pragma unroll
            for (int r = 0; r < kRun; ++r) {
                float dot = 0;
#pragma unroll
                for (int i = 0; i < kValues; ++i)
                    dot += q[h][i] * k[r].at(i);
                dot = dotted(dot);
                score[r] = p0 + r * kGroups < old ? dot : -INFINITY;
                higher = fmaxf(higher, score[r]);
            }
            const float before = __expf(top[h] - higher);
            top[h] = higher;
            total[h] *= before;
#pragma unroll
            for (int i = 0; i < kValues; ++i)
                sum[h][i] *= before;
#pragma unroll
            for (int r = 0; r < kRun; ++r) {
                const float weight = __expf(score[r] - higher);
                total[h] += weight;
#pragma unroll
                for (int i = 0; i < kValues; ++i)
                    sum[h][i] += weight * v[r].at(i);
            }
        }
    }
    if (appends && group == 0) {
#pragma unroll
        for (int h = 0; h < Heads; ++h) {
            float dot = 0;
#pragma unroll
            for (int i = 0; i < kValues; ++i)
                if (const int e = elementOf<Size>(lane, i, kValues); e < size) dot += q[h][i] * newKey[e];
            dot = dotted(dot);
            const float higher = fmaxf(top[h], dot), before = __expf(top[h] - higher),
                        weight = __expf(dot - higher);
            top[h] = higher;
            total[h] = total[h] * before + weight;
#pragma unroll
            for (int i = 0; i < kValues; ++i)
                if (const int e = elementOf<Size>(lane, i, kValues); e < size)
                    sum[h][i] = sum[h][i] * before + weight * newValue[e];
        }
    }
#pragma unroll
    for (int h = 0; h < Heads; ++h) {
        if (lane == 0) tops[group][h] = top[h], totals[group][h] = total[h];
#pragma unroll
        for (int i = 0; i < kValues; ++i)
            if (const int e = elementOf<Size>(lane, i, kValues); e < kWidth) sums[group][h][e] = sum[h][i];
    }
    __syncthreads();
    const std::int64_t stride = size + 2;
    for (int i = threadIdx.x; i < heads * size; i += kBlock) {
        const int h = i / size, c = i % size;
        float highest = -INFINITY, sumOfAll = 0, merged = 0;
        for (int g = 0; g < kGroups; ++g)
            highest = fmaxf(highest, tops[g][h]);
        for (int g = 0; g < kGroups; ++g) {
            const float factor = totals[g][h] > 0 ? __expf(tops[g][h] - highest) : 0.0f;
            sumOfAll += totals[g][h] * factor;
            merged += sums[g][h][c] * factor;
        }
        float* to = own.partial + ((head + h) * a.splits + blockIdx.x) * stride;
        to[c] = merged;
        if (c == 0) to[size] = highest, to[size + 1] = sumOfAll;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        isLast = atomicAdd(own.arrived + blockIdx.y, 1u) + 1 == gridDim.x;
        if (isLast) own.arrived[blockIdx.y] = 0;
        __threadfence();
    }
    __syncthreads();
    if (!isLast) return;
    // A warp a head: lane = split. Then every column adds the parts in order.
    for (int h = warp; h < heads; h += kWarpsPerBlock) {
        const int split = threadIdx.x & 31;
        const float* from = own.partial + ((head + h) * a.splits + split) * stride + size;
        const float highest = split < a.splits ? __ldcg(from) : -INFINITY,
                    part = split < a.splits ? __ldcg(from + 1) : 0.0f;
        const float most = warpReduce(part > 0 ? highest : -INFINITY, Larger{}),
                    factor = part > 0 ? __expf(highest - most) : 0.0f,
                    whole = warpReduce(part * factor, Plus{});
        factors[h][split] = factor;
        if (split == 0) all[h] = whole;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < heads * size; i += kBlock) {
        const int h = i / size, c = i % size;
        const float* from = own.partial + (head + h) * a.splits * stride + c;
        float merged = 0;
#pragma unroll 8
        for (int s = 0; s < static_cast<int>(a.splits); ++s) {
            const float value = __ldcg(from + s * stride);
            merged += factors[h][s] > 0 ? value * factors[h][s] : 0.0f;
        }
        static_cast<T*>(own.out)[(head + h) * size + c] = fromFloat<T>(merged / all[h]);
    }
}

template <class T, int Size, bool Many>
int launchFor(const SplitAttention& a, Stream stream) {
    const auto perKey = a.heads / a.kvHeads;
    const auto grid = [&](std::int64_t heads) {
        return dim3(static_cast<unsigned>(a.splits),
                    static_cast<unsigned>(a.kvHeads * ((perKey + heads - 1) / heads)),
                    static_cast<unsigned>(a.batch));
    };
    if (perKey == 1) return launchDependent(splitKernel<T, Size, 1, Many>, grid(1), kBlock, 0, stream, a);
    if (perKey == 2 || sizeof(T) == 4)
        return launchDependent(splitKernel<T, Size, 2, Many>, grid(2), kBlock, 0, stream, a);
    return launchDependent(splitKernel<T, Size, 4, Many>, grid(4), kBlock, 0, stream, a);
}
template <class T, int Size>
int launch(const SplitAttention& a, Stream stream) {
    return a.keysOf ? launchFor<T, Size, true>(a, stream) : launchFor<T, Size, false>(a, stream);
}

// Caches of a table are whole tensors: aligned.
bool aligned(const SplitAttention& a) {
    return reinterpret_cast<std::uintptr_t>(a.keys) % 16 == 0 &&
           reinterpret_cast<std::uintptr_t>(a.values) % 16 == 0 && a.positionStride % 8 == 0 &&
           a.headStride % 8 == 0;
}

}  // namespace

int splitAttention(Element element, const SplitAttention& a, Stream stream) {
    if (a.headSize > kMostHead || a.headSize % 2 != 0 || a.splits < 1 || a.splits > 32 || a.batch < 1 ||
        (a.batch > 1 && (!a.keysOf || !a.valuesOf)))
        return static_cast<int>(cudaErrorInvalidValue);
    if (suitsClusters(element, a)) return launchClusters(a, stream);
    int error = 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        if (a.headSize == 128 && aligned(a))
            error = launch<T, 128>(a, stream);
        else if (a.headSize == 64 && aligned(a))
            error = launch<T, 64>(a, stream);
        else
            error = launch<T, 0>(a, stream);
    });
    return error;
}

}  // namespace caravan::kernels::cuda
