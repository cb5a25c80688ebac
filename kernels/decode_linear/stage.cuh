// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/dependent.cuh"
#include "kernels/common/device.cuh"
#include "kernels/decode_linear/decode_linear.h"

// What the decoding linears share: the input in shared memory, the side rows, and the wait for those of all
// blocks.
namespace caravan::kernels::cuda {

constexpr int kWarps = 8, kDecodeThreads = kWarps * 32;

// Where things are in the NF4 kernel's shared memory, in bytes (decode_nf4.cuh).
struct Nf4Layout {
    std::int32_t input = 0, maps = 0, codes = 0, nested = 0, slots = 0, hidden = 0, squares = 0, sums = 0,
                 sides = 0, total = 0;
};

// A launch handles `linear.batch` rows of a call; its blocks are all resident at once, since they wait for
// each other.
struct DecodeLaunch {
    DecodeLinear linear;
    std::uint32_t arrivals = 0;  // value of *arrived once all blocks of this launch have written their sides
    std::int32_t inputStride = 0;               // of the input in shared memory, elements
    std::int32_t tileBegin[kDecodeParts] = {};  // first tile (or pair of rows) of a part
    std::int32_t tiles = 0;
    bool vectors = false;  // inner is a multiple of 8 and everything 16-byte aligned
    // Of the NF4 kernel:
    bool halfStep = false;      // the last step of a row has 128 columns
    std::int32_t steps = 0;     // of a row
    std::int32_t fewTiles = 0;  // tiles of a block; the first richBlocks have one more
    std::int32_t richBlocks = 0;
    std::int32_t blockTiles = 0;     // at most
    std::int32_t sideRows = 0;       // of all sides
    std::int32_t sideBlocks = 0;     // the first blocks make them
    std::int32_t sideRoom = 0;       // rows of them in shared memory
    std::int32_t sideShift = 0;      // log2 of the warps, of 16, that fetch one of them
    std::uint32_t stepsInverse = 0;  // 2^32 / steps, rounded up
    std::uint32_t perRow = 0;        // blocks of 64
    std::int32_t inputRowBytes = 0, sideRowBytes = 0, codeStride = 0, nestedStride = 0;
    bool wideCodes = false;  // a row's scales are a multiple of 16 bytes
    Nf4Layout at;
    std::int32_t hiddenStride = 0;  // of a row of LoRA's hidden values in shared memory
    std::uint32_t zero = 0;         // which the compiler does not know
};

// Norm weights go to where the input will stand; ahead of the previous kernel's end.
template <class T>
__device__ __forceinline__ void stageNorm(const DecodeLaunch& a, T* staged) {
    const DecodeLinear& l = a.linear;
    if (!l.norm) return;
    const T* norm = static_cast<const T*>(l.norm);
    const bool vectors = a.vectors && reinterpret_cast<std::uintptr_t>(norm) % 16 == 0;
    for (std::int64_t b = 0; b < l.batch; ++b) {
        T* to = staged + b * a.inputStride;
        if (vectors)
            for (std::int64_t i = threadIdx.x * 8; i < l.inner; i += kDecodeThreads * 8)
                storeEight(to + i, loadEight(norm + i).v);
        else
            for (std::int64_t i = threadIdx.x; i < l.inner; i += kDecodeThreads)
                to[i] = norm[i];
    }
}

template <class T>
__device__ __forceinline__ void stageRow(const T* in, T* staged, std::int64_t inner, bool normed, float eps) {
    float r = 1;
    if (normed) {
        float squares = 0;
        for (std::int64_t i = threadIdx.x * 8; i < inner; i += kDecodeThreads * 8) {
            const Eight<T> x = loadEight(in + i);
#pragma unroll
            for (int j = 0; j < 8; ++j)
                squares += x.v[j] * x.v[j];
        }
        r = 1.0f / sqrtf(blockReduce(squares, 0.0f, Plus{}) / static_cast<float>(inner) + eps);
    }
    for (std::int64_t i = threadIdx.x * 8; i < inner; i += kDecodeThreads * 8) {
        Eight<T> x = loadEight(in + i);
        if (normed) {
            const Eight<T> w = loadEight(staged + i);
#pragma unroll
            for (int j = 0; j < 8; ++j)
                x.v[j] = x.v[j] * r * w.v[j];
        }
        storeEight(staged + i, x.v);
    }
}
template <class T>
__device__ __forceinline__ void stageRowPlain(const T* in, T* staged, std::int64_t inner, bool normed,
                                              float eps) {
    float r = 1;
    if (normed) {
        float squares = 0;
        for (std::int64_t i = threadIdx.x; i < inner; i += kDecodeThreads)
            squares += toFloat(in[i]) * toFloat(in[i]);
        r = 1.0f / sqrtf(blockReduce(squares, 0.0f, Plus{}) / static_cast<float>(inner) + eps);
    }
    for (std::int64_t i = threadIdx.x; i < inner; i += kDecodeThreads)
        staged[i] = normed ? fromFloat<T>(toFloat(in[i]) * r * toFloat(staged[i])) : in[i];
}

// A few rows at once, each as stageRow does it: their loads are under way together.
constexpr int kTogether = 4;
template <class T>
__device__ __forceinline__ void stageRows(const DecodeLaunch& a, T* staged, std::int64_t first) {
    __shared__ float parts[kTogether][kWarps];
    const DecodeLinear& l = a.linear;
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const T* in = static_cast<const T*>(l.input) + first * l.inner;
    T* to = staged + first * a.inputStride;
    const bool normed = l.norm != nullptr;
    float r[kTogether];
    if (normed) {
        float squares[kTogether] = {};
        for (std::int64_t i = threadIdx.x * 8; i < l.inner; i += kDecodeThreads * 8) {
#pragma unroll
            for (int b = 0; b < kTogether; ++b) {
                if (first + b >= l.batch) break;
                const Eight<T> x = loadEight(in + b * l.inner + i);
#pragma unroll
                for (int j = 0; j < 8; ++j)
                    squares[b] += x.v[j] * x.v[j];
            }
        }
        __syncthreads();
#pragma unroll
        for (int b = 0; b < kTogether; ++b) {
            squares[b] = warpReduce(squares[b], Plus{});
            if (lane == 0) parts[b][warp] = squares[b];
        }
        __syncthreads();
#pragma unroll
        for (int b = 0; b < kTogether; ++b)
            r[b] = 1.0f / sqrtf(warpReduce(lane < kWarps ? parts[b][lane] : 0.0f, Plus{}) /
                                    static_cast<float>(l.inner) +
                                l.eps);
    }
    for (std::int64_t i = threadIdx.x * 8; i < l.inner; i += kDecodeThreads * 8) {
#pragma unroll
        for (int b = 0; b < kTogether; ++b) {
            if (first + b >= l.batch) break;
            Eight<T> x = loadEight(in + b * l.inner + i);
            if (normed) {
                const Eight<T> w = loadEight(to + b * a.inputStride + i);
#pragma unroll
                for (int j = 0; j < 8; ++j)
                    x.v[j] = x.v[j] * r[b] * w.v[j];
            }
            storeEight(to + b * a.inputStride + i, x.v);
        }
    }
}

// After previousDone(). Ends with a barrier. Many: made for more than one row.
template <bool Many, class T>
__device__ __forceinline__ void stageInput(const DecodeLaunch& a, T* staged) {
    const DecodeLinear& l = a.linear;
    __syncthreads();
    if (Many && a.vectors) {
        for (std::int64_t first = 0; first < l.batch; first += kTogether)
            stageRows(a, staged, first);
        __syncthreads();
        return;
    }
    for (std::int64_t b = 0; b < l.batch; ++b) {
        const T* in = static_cast<const T*>(l.input) + b * l.inner;
        if (a.vectors)
            stageRow(in, staged + b * a.inputStride, l.inner, l.norm != nullptr, l.eps);
        else
            stageRowPlain(in, staged + b * a.inputStride, l.inner, l.norm != nullptr, l.eps);
    }
    __syncthreads();
}

// f(side, row) for the side rows of this block.
template <class F>
__device__ __forceinline__ void forSideRows(const DecodeLinear& l, F&& f) {
    std::int64_t begin = 0;
    for (int s = 0; s < l.sideCount; ++s) {
        const std::int64_t rows = l.sides[s].rows;
        std::int64_t first = static_cast<std::int64_t>(blockIdx.x) - begin % gridDim.x;
        if (first < 0) first += gridDim.x;
        for (std::int64_t row = first; row < rows; row += gridDim.x)
            f(l.sides[s], row);
        begin += rows;
    }
}

template <class T>
__device__ __forceinline__ void prefetchSides(const DecodeLinear& l) {
    forSideRows(l, [&](const DecodeSide& side, std::int64_t row) {
        const char* from = reinterpret_cast<const char*>(static_cast<const T*>(side.weight) + row * l.inner);
        for (std::int64_t i = threadIdx.x * 128; i < l.inner * static_cast<std::int64_t>(sizeof(T));
             i += kDecodeThreads * 128)
            prefetchL2(from + i);
    });
}

// One of this block's side rows with all rows of x; in the order of the sums of one.
template <class T>
__device__ __forceinline__ void sideRowTogether(const DecodeLaunch& a, const T* staged,
                                                const DecodeSide& side, std::int64_t row) {
    __shared__ float sums[kDecodeBatch][kWarps];
    const DecodeLinear& l = a.linear;
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, batch = static_cast<int>(l.batch);
    const T* w = static_cast<const T*>(side.weight) + row * l.inner;
    for (int first = 0; first < batch; first += kTogether) {
        const T* x = staged + first * a.inputStride;
        float sum[kTogether] = {};
#pragma unroll 2
        for (std::int64_t i = threadIdx.x * 8; i < l.inner; i += kDecodeThreads * 8) {
            const Eight<T> u = loadEight(w + i);
#pragma unroll
            for (int b = 0; b < kTogether; ++b) {
                if (first + b >= batch) break;
                const Eight<T> v = loadEight(x + b * a.inputStride + i);
#pragma unroll
                for (int j = 0; j < 8; ++j)
                    sum[b] += u.v[j] * v.v[j];
            }
        }
#pragma unroll
        for (int b = 0; b < kTogether; ++b) {
            sum[b] = warpReduce(sum[b], Plus{});
            if (lane == 0 && first + b < batch) sums[first + b][warp] = sum[b];
        }
    }
    __syncthreads();
    if (threadIdx.x < batch) {
        float total = 0;
        for (int i = 0; i < kWarps; ++i)
            total += sums[threadIdx.x][i];
        side.out[threadIdx.x * side.rows + row] = toFloat(fromFloat<T>(total));
    }
    __syncthreads();
}

// Sums of this block's side rows; every block then counts itself as arrived where a LoRA waits.
template <bool Many, class T>
__device__ __forceinline__ void sideRows(const DecodeLaunch& a, const T* staged, bool awaited) {
    __shared__ float sums[kWarps];
    const DecodeLinear& l = a.linear;
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    forSideRows(l, [&](const DecodeSide& side, std::int64_t row) {
        if (Many && a.vectors && l.batch > 1) {
            sideRowTogether(a, staged, side, row);
            return;
        }
        const T* w = static_cast<const T*>(side.weight) + row * l.inner;
        for (std::int64_t b = 0; b < l.batch; ++b) {
            const T* x = staged + b * a.inputStride;
            float sum = 0;
            if (a.vectors) {
#pragma unroll 4
                for (std::int64_t i = threadIdx.x * 8; i < l.inner; i += kDecodeThreads * 8) {
                    const Eight<T> u = loadEight(w + i), v = loadEight(x + i);
#pragma unroll
                    for (int j = 0; j < 8; ++j)
                        sum += u.v[j] * v.v[j];
                }
            } else {
                for (std::int64_t i = threadIdx.x; i < l.inner; i += kDecodeThreads)
                    sum += toFloat(w[i]) * toFloat(x[i]);
            }
            sum = warpReduce(sum, Plus{});
            if (lane == 0) sums[warp] = sum;
            __syncthreads();
            if (threadIdx.x == 0) {
                float total = 0;
                for (int i = 0; i < kWarps; ++i)
                    total += sums[i];
                side.out[b * side.rows + row] = toFloat(fromFloat<T>(total));
            }
            __syncthreads();
        }
    });
    // Whatever threads wrote the sides: they have met at a barrier since.
    if (awaited && threadIdx.x == 0) {
        __threadfence();
        atomicAdd(l.arrived, 1u);
    }
}

__device__ __forceinline__ void awaitSides(const DecodeLaunch& a) {
    std::uint32_t seen = 0;
    do {
        asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(seen) : "l"(a.linear.arrived) : "memory");
    } while (seen < a.arrivals);
}

template <class T>
__device__ __forceinline__ float roundAs(float x) {
    return toFloat(fromFloat<T>(x));
}
__device__ __forceinline__ float silu(float x) {
    return x / (1.0f + __expf(-x));
}

// A finished sum: bias is in it; rounds as separate operations would.
template <class T>
__device__ __forceinline__ void storeValue(const DecodeLinear& l, std::int64_t b, std::int64_t column,
                                           float v, float residual) {
    if (l.wide)
        static_cast<float*>(l.out)[b * l.outStride + column] = roundAs<T>(v + residual);
    else
        static_cast<T*>(l.out)[b * l.outStride + column] = fromFloat<T>(v + residual);
}
template <class T>
__device__ __forceinline__ float biasOf(const DecodePart& part, std::int64_t row) {
    return part.bias ? toFloat(static_cast<const T*>(part.bias)[row]) : 0.0f;
}
template <class T>
__device__ __forceinline__ float residualOf(const DecodeLinear& l, std::int64_t b, std::int64_t column) {
    // Past the first cache: in a chain another block may have written it during this launch.
    return l.residual ? toFloat(__ldcg(static_cast<const T*>(l.residual) + b * l.outStride + column)) : 0.0f;
}

}  // namespace caravan::kernels::cuda
