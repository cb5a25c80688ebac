// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <type_traits>

#include "kernels/common/device.cuh"
#include "kernels/rms_norm/rms_norm.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kTurns = 4;  // eights a thread keeps in registers: rows of up to 8192 columns

// One block per row.
template <class T>
__global__ void forwardKernel(RmsNormArguments a) {
    const T* in = static_cast<const T*>(a.x) + blockIdx.x * a.columns;
    const T* more = static_cast<const T*>(a.add);
    const T* weight = static_cast<const T*>(a.weight);
    T* sum = static_cast<T*>(a.sum) + blockIdx.x * a.columns;
    T* out = static_cast<T*>(a.y) + blockIdx.x * a.columns;
    float squares = 0;
    for (std::int64_t i = threadIdx.x; i < a.columns; i += kThreads) {
        float v = toFloat(in[i]);
        if (more != nullptr) {
            const T both = fromFloat<T>(v + toFloat(more[blockIdx.x * a.columns + i]));
            sum[i] = both;
            v = toFloat(both);
        }
        squares += v * v;
    }
    squares = blockReduce(squares, 0.0f, Plus{});
    const float r = 1.0f / sqrtf(squares / static_cast<float>(a.columns) + a.eps);
    if (threadIdx.x == 0) a.rstd[blockIdx.x] = r;
    const T* from = more != nullptr ? sum : in;  // every thread reads what it wrote itself
    for (std::int64_t i = threadIdx.x; i < a.columns; i += kThreads)
        out[i] = fromFloat<T>(toFloat(from[i]) * r * toFloat(weight[i]));
}

// The same with the row in registers.
template <class T>
__global__ void forwardWideKernel(RmsNormArguments a) {
    const std::int64_t base = blockIdx.x * a.columns;
    const T* more = static_cast<const T*>(a.add);
    float v[kTurns][8], squares = 0;
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
        const std::int64_t c = (turn * static_cast<std::int64_t>(blockDim.x) + threadIdx.x) * 8;
        if (c >= a.columns) break;
        const auto x = loadEight(static_cast<const T*>(a.x) + base + c);
#pragma unroll
        for (int i = 0; i < 8; ++i)
            v[turn][i] = x.v[i];
        if (more != nullptr) {
            const auto other = loadEight(more + base + c);
#pragma unroll
            for (int i = 0; i < 8; ++i)
                v[turn][i] = toFloat(fromFloat<T>(v[turn][i] + other.v[i]));
            storeEight(static_cast<T*>(a.sum) + base + c, v[turn]);
        }
#pragma unroll
        for (int i = 0; i < 8; ++i)
            squares += v[turn][i] * v[turn][i];
    }
    squares = blockReduce(squares, 0.0f, Plus{});
    const float r = 1.0f / sqrtf(squares / static_cast<float>(a.columns) + a.eps);
    if (threadIdx.x == 0) a.rstd[blockIdx.x] = r;
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
        const std::int64_t c = (turn * static_cast<std::int64_t>(blockDim.x) + threadIdx.x) * 8;
        if (c >= a.columns) break;
        const auto w = loadEight(static_cast<const T*>(a.weight) + c);
        float out[8];
#pragma unroll
        for (int i = 0; i < 8; ++i)
            out[i] = v[turn][i] * r * w.v[i];
        storeEight(static_cast<T*>(a.y) + base + c, out);
    }
}

template <class T>
__global__ void backwardKernel(RmsNormBackwardArguments a) {
    const std::int64_t base = blockIdx.x * a.columns;
    const T *g = static_cast<const T*>(a.dy) + base, *in = static_cast<const T*>(a.x) + base,
            *weight = static_cast<const T*>(a.weight), *more = static_cast<const T*>(a.add);
    T* out = static_cast<T*>(a.dx) + base;
    float dot = 0;
    for (std::int64_t i = threadIdx.x; i < a.columns; i += kThreads)
        dot += toFloat(g[i]) * toFloat(weight[i]) * toFloat(in[i]);
    dot = blockReduce(dot, 0.0f, Plus{});
    const float r = a.rstd[blockIdx.x], c = dot * r * r / static_cast<float>(a.columns);
    for (std::int64_t i = threadIdx.x; i < a.columns; i += kThreads) {
        const float d = r * (toFloat(g[i]) * toFloat(weight[i]) - toFloat(in[i]) * c);
        out[i] = fromFloat<T>(more != nullptr ? d + toFloat(more[base + i]) : d);
    }
}

template <class T>
__global__ void backwardWideKernel(RmsNormBackwardArguments a) {
    const std::int64_t base = blockIdx.x * a.columns;
    const T* more = static_cast<const T*>(a.add);
    float g[kTurns][8], x[kTurns][8], dot = 0;
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
        const std::int64_t c = (turn * static_cast<std::int64_t>(blockDim.x) + threadIdx.x) * 8;
        if (c >= a.columns) break;
        const auto dy = loadEight(static_cast<const T*>(a.dy) + base + c),
                   in = loadEight(static_cast<const T*>(a.x) + base + c),
                   w = loadEight(static_cast<const T*>(a.weight) + c);
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            g[turn][i] = dy.v[i] * w.v[i];
            x[turn][i] = in.v[i];
            dot += g[turn][i] * x[turn][i];
        }
    }
    dot = blockReduce(dot, 0.0f, Plus{});
    const float r = a.rstd[blockIdx.x], scale = dot * r * r / static_cast<float>(a.columns);
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
        const std::int64_t c = (turn * static_cast<std::int64_t>(blockDim.x) + threadIdx.x) * 8;
        if (c >= a.columns) break;
        float out[8];
#pragma unroll
        for (int i = 0; i < 8; ++i)
            out[i] = r * (g[turn][i] - x[turn][i] * scale);
        if (more != nullptr) {
            const auto other = loadEight(more + base + c);
#pragma unroll
            for (int i = 0; i < 8; ++i)
                out[i] += other.v[i];
        }
        storeEight(static_cast<T*>(a.dx) + base + c, out);
    }
}

// bf16 rows of whole multiples of 256 columns: one warp per row, the row as it lies in memory in registers,
// all loads under way at once, no barrier.
constexpr int kWarps = 4;
constexpr int kMostEights = 32;  // rows of up to 8192 columns

struct Pairs {
    float v[8];
    __device__ __forceinline__ explicit Pairs(const uint4& raw) {
        const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            v[2 * i] = __uint_as_float(words[i] << 16);
            v[2 * i + 1] = __uint_as_float(words[i] & 0xFFFF0000u);
        }
    }
};
__device__ __forceinline__ uint4 packEight(const float* v) {
    return make_uint4(packBf16(v[0], v[1]), packBf16(v[2], v[3]), packBf16(v[4], v[5]), packBf16(v[6], v[7]));
}

template <int Eights, bool Add>
__global__ void __launch_bounds__(kWarps * 32) forwardRowsKernel(RmsNormArguments a) {
    const std::int64_t row = blockIdx.x * std::int64_t{kWarps} + (threadIdx.x >> 5);
    if (row >= a.rows) return;
    const int eights = static_cast<int>(a.columns / 256), lane = threadIdx.x & 31;
    const std::int64_t base = row * a.columns / 8 + lane;
    uint4 raw[Eights], more[Add ? Eights : 1];
#pragma unroll
    for (int i = 0; i < Eights; ++i)
        if (i < eights) raw[i] = static_cast<const uint4*>(a.x)[base + i * 32];
    if constexpr (Add) {
#pragma unroll
        for (int i = 0; i < Eights; ++i)
            if (i < eights) more[i] = static_cast<const uint4*>(a.add)[base + i * 32];
    }
    float squares = 0;
#pragma unroll
    for (int i = 0; i < Eights; ++i) {
        if (i >= eights) break;
        Pairs x(raw[i]);
        if constexpr (Add) {
            const Pairs other(more[i]);
#pragma unroll
            for (int j = 0; j < 8; ++j)
                x.v[j] += other.v[j];
            raw[i] = packEight(x.v);
            static_cast<uint4*>(a.sum)[base + i * 32] = raw[i];
            x = Pairs(raw[i]);
        }
#pragma unroll
        for (int j = 0; j < 8; ++j)
            squares += x.v[j] * x.v[j];
    }
    squares = warpReduce(squares, Plus{});
    const float r = 1.0f / sqrtf(squares / static_cast<float>(a.columns) + a.eps);
    if (lane == 0) a.rstd[row] = r;
#pragma unroll
    for (int i = 0; i < Eights; ++i) {
        if (i >= eights) break;
        Pairs x(raw[i]);
        const Pairs w(static_cast<const uint4*>(a.weight)[lane + i * 32]);
#pragma unroll
        for (int j = 0; j < 8; ++j)
            x.v[j] = x.v[j] * r * w.v[j];
        static_cast<uint4*>(a.y)[base + i * 32] = packEight(x.v);
    }
}

template <int Eights>
__global__ void __launch_bounds__(kWarps * 32) backwardRowsKernel(RmsNormBackwardArguments a) {
    const std::int64_t row = blockIdx.x * std::int64_t{kWarps} + (threadIdx.x >> 5);
    if (row >= a.rows) return;
    const int eights = static_cast<int>(a.columns / 256), lane = threadIdx.x & 31;
    const std::int64_t base = row * a.columns / 8 + lane;
    uint4 dy[Eights], x[Eights];
#pragma unroll
    for (int i = 0; i < Eights; ++i)
        if (i < eights) {
            dy[i] = static_cast<const uint4*>(a.dy)[base + i * 32];
            x[i] = static_cast<const uint4*>(a.x)[base + i * 32];
        }
    float dot = 0;
#pragma unroll
    for (int i = 0; i < Eights; ++i) {
        if (i >= eights) break;
        const Pairs g(dy[i]), in(x[i]), w(static_cast<const uint4*>(a.weight)[lane + i * 32]);
#pragma unroll
        for (int j = 0; j < 8; ++j)
            dot += g.v[j] * w.v[j] * in.v[j];
    }
    dot = warpReduce(dot, Plus{});
    const float r = a.rstd[row], scale = dot * r * r / static_cast<float>(a.columns);
#pragma unroll
    for (int i = 0; i < Eights; ++i) {
        if (i >= eights) break;
        const Pairs g(dy[i]), in(x[i]), w(static_cast<const uint4*>(a.weight)[lane + i * 32]);
        float out[8];
#pragma unroll
        for (int j = 0; j < 8; ++j)
            out[j] = r * (g.v[j] * w.v[j] - in.v[j] * scale);
        if (a.add != nullptr) {
            const Pairs other(static_cast<const uint4*>(a.add)[base + i * 32]);
#pragma unroll
            for (int j = 0; j < 8; ++j)
                out[j] += other.v[j];
        }
        static_cast<uint4*>(a.dx)[base + i * 32] = packEight(out);
    }
}

constexpr std::int64_t kManyRows = 1024;  // fewer leave multiprocessors without a warp

bool warpTakes(Element element, std::int64_t rows, std::int64_t columns) {
    return element == Element::BF16 && columns % 256 == 0 && columns <= kMostEights * 256 &&
           rows >= kManyRows;
}

// f(integral constant): the smallest number of registers that holds the row
template <class F>
void forEights(std::int64_t columns, F&& f) {
    if (columns <= 16 * 256)
        f(std::integral_constant<int, 16>{});
    else
        f(std::integral_constant<int, kMostEights>{});
}

bool fits(std::int64_t columns) {
    return columns % 8 == 0 && columns <= kTurns * kThreads * 8;
}
// No more warps than the row has eights for.
unsigned threadsFor(std::int64_t columns) {
    const auto eights = static_cast<unsigned>(columns / 8);
    return eights >= kThreads ? kThreads : (eights + 31) / 32 * 32;
}

}  // namespace

int rmsNorm(Element element, const RmsNormArguments& a, Stream stream) {
    if (a.rows == 0) return 0;
    const bool wide = fits(a.columns) && aligned16(a.x) && aligned16(a.weight) && aligned16(a.y) &&
                      aligned16(a.add) && aligned16(a.sum);
    const auto blocks = static_cast<unsigned>(a.rows);
    if (wide && warpTakes(element, a.rows, a.columns)) {
        forEights(a.columns, [&](auto eights) {
            const unsigned rowBlocks = blocksFor(a.rows, kWarps);
            if (a.add != nullptr)
                forwardRowsKernel<decltype(eights)::value, true><<<rowBlocks, kWarps * 32, 0, stream>>>(a);
            else
                forwardRowsKernel<decltype(eights)::value, false><<<rowBlocks, kWarps * 32, 0, stream>>>(a);
        });
        return launched();
    }
    forElement(element, [&](auto type) {
        using T = decltype(type);
        if (wide)
            forwardWideKernel<T><<<blocks, threadsFor(a.columns), 0, stream>>>(a);
        else
            forwardKernel<T><<<blocks, kThreads, 0, stream>>>(a);
    });
    return launched();
}

int rmsNormBackward(Element element, const RmsNormBackwardArguments& a, Stream stream) {
    if (a.rows == 0) return 0;
    const bool wide = fits(a.columns) && aligned16(a.dy) && aligned16(a.x) && aligned16(a.weight) &&
                      aligned16(a.add) && aligned16(a.dx);
    const auto blocks = static_cast<unsigned>(a.rows);
    if (wide && warpTakes(element, a.rows, a.columns)) {
        forEights(a.columns, [&](auto eights) {
            backwardRowsKernel<decltype(eights)::value>
                <<<blocksFor(a.rows, kWarps), kWarps * 32, 0, stream>>>(a);
        });
        return launched();
    }
    forElement(element, [&](auto type) {
        using T = decltype(type);
        if (wide)
            backwardWideKernel<T><<<blocks, threadsFor(a.columns), 0, stream>>>(a);
        else
            backwardKernel<T><<<blocks, kThreads, 0, stream>>>(a);
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
