// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <type_traits>

#include "kernels/dropout/mask.cuh"
#include "kernels/grouped_adapter/gelu.cuh"
#include "kernels/grouped_adapter/grouped_adapter.h"
#include "kernels/grouped_adapter/row_share.cuh"

// Log of gather, combination and scatter, one H200, 16,384 tokens x 4,096, two choices. Floor: 0.40 + 0.54 +
// 0.54 GB. v1, a thread per eight columns found by 64-bit divisions: adapters 0.45 of a dense product, 88.5
// ms of a 7B step. v2, rows share a block by powers of two, no division, two groups of columns a thread
// (predicted: 20 ms of the
//     step less): 0.48, 84.1 ms. By kernel: gather 179 us (three a layer, two of them with masks), scatter
//     189, combination 155.
// v3, a row of x is read once and written to the places of its choices (v2 read it once for each expert: 0.54
//     GB instead of 0.40), whole groups of eight and comparisons alone for the masks (predicted: gather 125
//     us, scatter 150, 6 ms of the step less): gather 122 with masks and 103 without, scatter 139; of a dense
//     product 0.46, 0.51 and 0.53 at 8, 16 and 32 thousand tokens, before 0.43, 0.47 and 0.49.
namespace caravan::kernels::cuda {
namespace {

__device__ __forceinline__ std::int64_t maskRowOf(const AdapterRouting& routing, const DropoutMask& mask,
                                                  std::uint32_t token, std::uint32_t slot) {
    return (rowOffsetOf(mask) + token) * routing.experts + routing.chosen[slot];
}

__device__ __forceinline__ void clear(const Cleared& cleared) {
    if (blockIdx.x == 0)
        for (std::int64_t i = threadIdx.x; i < cleared.count; i += kThreads)
            cleared.words[i] = 0;
}

template <class T>
__global__ void gatherKernel(const T* x, T* out, std::int64_t columns, AdapterRouting routing,
                             std::uint32_t slots, DropoutMask mask, RowShare share, Cleared cleared) {
    clear(cleared);
    const std::uint32_t row = share.row();
    if (row >= slots) return;
    const auto slot = static_cast<std::uint32_t>(routing.order[row]),
               token = slot / static_cast<std::uint32_t>(routing.k);
    const bool whole = columns % 8 == 0;
    const std::int64_t maskRow = mask.threshold != 0 ? maskRowOf(routing, mask, token, slot) : 0;
    const T* from = x + token * columns;
    T* to = out + row * columns;
#pragma unroll 2
    for (std::int64_t column = share.first(); column < columns; column += share.step()) {
        float v[8];
        load(from + column, columns - column, whole, v);
        if (mask.threshold != 0) {
            float keep[8];
            keepEight(mask, maskRow, columns, column, keep);
            for (int i = 0; i < 8; ++i)
                v[i] *= keep[i];
        }
        store(to + column, columns - column, whole, v);
    }
}

// gatherKernel by tokens: K choices a token, columns a multiple of eight.
template <class T, int K, bool Masked>
__global__ void gatherTokensKernel(const T* x, T* out, std::uint32_t columns, AdapterRouting routing,
                                   std::uint32_t tokens, DropoutMask mask, RowShare share, Cleared cleared) {
    clear(cleared);
    const std::uint32_t token = share.row();
    if (token >= tokens) return;
    T* to[K];
    std::uint64_t block[K];
#pragma unroll
    for (int c = 0; c < K; ++c) {
        const std::uint32_t slot = token * K + c;
        to[c] = out + routing.place[slot] * std::int64_t{columns};
        block[c] = Masked ? maskRowOf(routing, mask, token, slot) * (columns / 8) : 0;
    }
    const PhiloxKey key = Masked ? keyOf(mask) : PhiloxKey{};
    const T* from = x + token * std::int64_t{columns};
#pragma unroll 2
    for (std::uint32_t column = share.first(); column < columns; column += share.step()) {
        auto v = loadEight(from + column);
        if (Masked)
#pragma unroll
            for (int i = 0; i < 8; ++i)
                v.v[i] *= mask.scale;
#pragma unroll
        for (int c = 0; c < K; ++c) {
            if (Masked) {
                const KeptEight kept(key, mask.threshold, block[c] + column / 8);
                float masked[8];
#pragma unroll
                for (int i = 0; i < 8; ++i)
                    masked[i] = kept(i) ? v.v[i] : 0.0f;
                storeEight(to[c] + column, masked);
            } else {
                storeEight(to[c] + column, v.v);
            }
        }
    }
}

// With add in one pass: 192 us for 16,384 tokens of 4,096 on an H200; before, apart, 155 and the library's
// sum 91 (predicted: 190). combineTokensKernel, whose loads all start at once (predicted: 139 and 174): 129,
// with add 159.
template <class T>
__global__ void combineKernel(const T* u, const T* o, const float* weights, const T* add, T* y,
                              std::int64_t columns, float s, AdapterRouting routing, std::uint32_t tokens,
                              RowShare share) {
    const std::uint32_t token = share.row(), k = static_cast<std::uint32_t>(routing.k);
    if (token >= tokens) return;
    const bool whole = columns % 8 == 0;
#pragma unroll 2
    for (std::int64_t column = share.first(); column < columns; column += share.step()) {
        const std::int64_t left = columns - column;
        float sum[8], v[8];
        load(u + token * columns + column, left, whole, sum);
        for (std::uint32_t choice = 0; choice < k; ++choice) {
            const std::uint32_t slot = token * k + choice;
            const float w = s * weights[slot];
            load(o + routing.place[slot] * columns + column, left, whole, v);
            for (int i = 0; i < 8; ++i)
                sum[i] += w * v[i];
        }
        if (add != nullptr) {
            load(add + token * columns + column, left, whole, v);
            for (int i = 0; i < 8; ++i)
                sum[i] += v[i];
        }
        store(y + token * columns + column, left, whole, sum);
    }
}

// combineKernel with K choices, columns a multiple of eight.
template <class T, int K, bool Adds>
__global__ void combineTokensKernel(const T* u, const T* o, const float* weights, const T* add, T* y,
                                    std::uint32_t columns, float s, AdapterRouting routing,
                                    std::uint32_t tokens, RowShare share) {
    const std::uint32_t token = share.row();
    if (token >= tokens) return;
    const T* from[K];
    float w[K];
#pragma unroll
    for (int c = 0; c < K; ++c) {
        from[c] = o + routing.place[token * K + c] * std::int64_t{columns};
        w[c] = s * weights[token * K + c];
    }
    const std::int64_t row = token * std::int64_t{columns};
#pragma unroll 2
    for (std::uint32_t column = share.first(); column < columns; column += share.step()) {
        auto sum = loadEight(u + row + column);
        Eight<T> v[K], more;
#pragma unroll
        for (int c = 0; c < K; ++c)
            v[c] = loadEight(from[c] + column);
        if (Adds) more = loadEight(add + row + column);
#pragma unroll
        for (int i = 0; i < 8; ++i) {
#pragma unroll
            for (int c = 0; c < K; ++c)
                sum.v[i] += w[c] * v[c].v[i];
            if (Adds) sum.v[i] += more.v[i];
        }
        storeEight(y + row + column, sum.v);
    }
}

template <class T>
__global__ void scatterKernel(const T* g, const T* dm, T* du, std::int64_t columns, AdapterRouting routing,
                              std::uint32_t tokens, DropoutMask mask, RowShare share) {
    const std::uint32_t token = share.row(), k = static_cast<std::uint32_t>(routing.k);
    if (token >= tokens) return;
    const bool whole = columns % 8 == 0;
#pragma unroll 2
    for (std::int64_t column = share.first(); column < columns; column += share.step()) {
        const std::int64_t left = columns - column;
        float sum[8], v[8], keep[8];
        load(g + token * columns + column, left, whole, sum);
        for (std::uint32_t choice = 0; choice < k; ++choice) {
            const std::uint32_t slot = token * k + choice;
            load(dm + routing.place[slot] * columns + column, left, whole, v);
            if (mask.threshold != 0)
                keepEight(mask, maskRowOf(routing, mask, token, slot), columns, column, keep);
            for (int i = 0; i < 8; ++i)
                sum[i] += mask.threshold != 0 ? v[i] * keep[i] : v[i];
        }
        store(du + token * columns + column, left, whole, sum);
    }
}

// scatterKernel with K choices a token, columns a multiple of eight.
template <class T, int K, bool Masked>
__global__ void scatterTokensKernel(const T* g, const T* dm, T* du, std::uint32_t columns,
                                    AdapterRouting routing, std::uint32_t tokens, DropoutMask mask,
                                    RowShare share) {
    const std::uint32_t token = share.row();
    if (token >= tokens) return;
    const T* from[K];
    std::uint64_t block[K];
#pragma unroll
    for (int c = 0; c < K; ++c) {
        const std::uint32_t slot = token * K + c;
        from[c] = dm + routing.place[slot] * std::int64_t{columns};
        block[c] = Masked ? maskRowOf(routing, mask, token, slot) * (columns / 8) : 0;
    }
    const PhiloxKey key = Masked ? keyOf(mask) : PhiloxKey{};
    const std::int64_t row = token * std::int64_t{columns};
#pragma unroll 2
    for (std::uint32_t column = share.first(); column < columns; column += share.step()) {
        auto sum = loadEight(g + row + column);
        Eight<T> v[K];
#pragma unroll
        for (int c = 0; c < K; ++c)
            v[c] = loadEight(from[c] + column);
#pragma unroll
        for (int c = 0; c < K; ++c) {
            if (Masked) {
                const KeptEight kept(key, mask.threshold, block[c] + column / 8);
#pragma unroll
                for (int i = 0; i < 8; ++i)
                    if (kept(i)) sum.v[i] += v[c].v[i] * mask.scale;
            } else {
#pragma unroll
                for (int i = 0; i < 8; ++i)
                    sum.v[i] += v[c].v[i];
            }
        }
        storeEight(du + row + column, sum.v);
    }
}

template <class T>
__global__ void geluKernel(const T* h, T* a, std::int64_t n) {
    const std::int64_t i = (blockIdx.x * std::int64_t{kThreads} + threadIdx.x) * 8;
    if (i >= n) return;
    const bool whole = i + 8 <= n;
    float v[8];
    load(h + i, n - i, whole, v);
#pragma unroll
    for (int j = 0; j < 8; ++j)
        v[j] *= normal<T>(v[j]).phi;
    store(a + i, n - i, whole, v);
}

// One warp per sorted row, eight columns a lane and turn.
template <class T>
__global__ void hiddenKernel(const T* q, const T* h, const float* weights, T* dh, T* scaled, float* dWeights,
                             std::int64_t size, float s, AdapterRouting routing, std::int64_t slots) {
    const std::int64_t row = blockIdx.x * std::int64_t{kThreads / 32} + (threadIdx.x >> 5);
    if (row >= slots) return;
    const std::int64_t slot = routing.order[row];
    const float sw = s * weights[slot];
    const bool whole = size % 8 == 0;
    float dot = 0;
    for (std::int64_t j = (threadIdx.x & 31) * 8; j < size; j += 256) {
        const std::int64_t i = row * size + j;
        float x[8], gradient[8], a[8];
        load(h + i, size - j, whole, x);
        load(q + i, size - j, whole, gradient);
        hiddenBackwardEight<T>(x, gradient, a, sw, dot);
        store(scaled + i, size - j, whole, a);
        store(dh + i, size - j, whole, gradient);
    }
    dot = warpReduce(dot, Plus{});
    if ((threadIdx.x & 31) == 0) dWeights[slot] = s * dot;
}

}  // namespace

// Slots and tokens are counted in 32 bits.
constexpr std::int64_t kMostSlots = 0xFFFFFFFF;

// f(choices, masked) as constants where the kernels that know them take the shape; false: they do not.
template <class F>
bool forKnownChoices(const AdapterRouting& routing, std::int64_t columns, const DropoutMask& mask, F&& f) {
    if (columns % 8 != 0 || columns > (1 << 24) || mask.threshold > 0xFFFF) return false;
    const auto withChoices = [&](auto choices) {
        if (mask.threshold != 0)
            f(choices, std::true_type{});
        else
            f(choices, std::false_type{});
        return true;
    };
    if (routing.k == 1) return withChoices(std::integral_constant<int, 1>{});
    if (routing.k == 2) return withChoices(std::integral_constant<int, 2>{});
    return false;
}

int gather(Element element, const void* x, void* out, std::int64_t columns, const AdapterRouting& routing,
           std::int64_t slots, const DropoutMask& mask, const Cleared& cleared, Stream stream) {
    if (slots == 0) return 0;
    if (slots > kMostSlots) return static_cast<int>(cudaErrorInvalidValue);
    const RowShare share = shareOf(columns);
    forElement(element, [&](auto type) {
        using T = decltype(type);
        const std::int64_t tokens = slots / routing.k;
        if (forKnownChoices(routing, columns, mask, [&](auto choices, auto masked) {
                gatherTokensKernel<T, choices(), masked()><<<share.blocks(tokens), kThreads, 0, stream>>>(
                    static_cast<const T*>(x), static_cast<T*>(out), static_cast<std::uint32_t>(columns),
                    routing, static_cast<std::uint32_t>(tokens), mask, share, cleared);
            }))
            return;
        gatherKernel<T><<<share.blocks(slots), kThreads, 0, stream>>>(
            static_cast<const T*>(x), static_cast<T*>(out), columns, routing,
            static_cast<std::uint32_t>(slots), mask, share, cleared);
    });
    return launched();
}

int gelu(Element element, const void* h, void* a, std::int64_t n, Stream stream) {
    if (n == 0) return 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        geluKernel<T><<<blocksFor(n, kThreads * 8), kThreads, 0, stream>>>(static_cast<const T*>(h),
                                                                           static_cast<T*>(a), n);
    });
    return launched();
}

int combine(Element element, const void* u, const void* o, const float* weights, const void* add, void* y,
            std::int64_t columns, double s, const AdapterRouting& routing, std::int64_t tokens,
            Stream stream) {
    if (tokens == 0) return 0;
    if (tokens * routing.k > kMostSlots) return static_cast<int>(cudaErrorInvalidValue);
    const RowShare share = shareOf(columns);
    forElement(element, [&](auto type) {
        using T = decltype(type);
        if (forKnownChoices(routing, columns, {}, [&](auto choices, auto) {
                const auto kernel = add != nullptr ? combineTokensKernel<T, choices(), true>
                                                   : combineTokensKernel<T, choices(), false>;
                kernel<<<share.blocks(tokens), kThreads, 0, stream>>>(
                    static_cast<const T*>(u), static_cast<const T*>(o), weights, static_cast<const T*>(add),
                    static_cast<T*>(y), static_cast<std::uint32_t>(columns), static_cast<float>(s), routing,
                    static_cast<std::uint32_t>(tokens), share);
            }))
            return;
        combineKernel<T><<<share.blocks(tokens), kThreads, 0, stream>>>(
            static_cast<const T*>(u), static_cast<const T*>(o), weights, static_cast<const T*>(add),
            static_cast<T*>(y), columns, static_cast<float>(s), routing, static_cast<std::uint32_t>(tokens),
            share);
    });
    return launched();
}

int hiddenBackward(Element element, const HiddenBuffers& b, std::int64_t size, double s,
                   const AdapterRouting& routing, std::int64_t slots, Stream stream) {
    if (slots == 0) return 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        hiddenKernel<T><<<blocksFor(slots, kThreads / 32), kThreads, 0, stream>>>(
            static_cast<const T*>(b.q), static_cast<const T*>(b.h), b.weights, static_cast<T*>(b.dh),
            static_cast<T*>(b.scaled), b.dWeights, size, static_cast<float>(s), routing, slots);
    });
    return launched();
}

int scatter(Element element, const void* g, const void* dm, void* du, std::int64_t columns,
            const AdapterRouting& routing, std::int64_t tokens, const DropoutMask& mask, Stream stream) {
    if (tokens == 0) return 0;
    if (tokens * routing.k > kMostSlots) return static_cast<int>(cudaErrorInvalidValue);
    const RowShare share = shareOf(columns);
    forElement(element, [&](auto type) {
        using T = decltype(type);
        if (forKnownChoices(routing, columns, mask, [&](auto choices, auto masked) {
                scatterTokensKernel<T, choices(), masked()><<<share.blocks(tokens), kThreads, 0, stream>>>(
                    static_cast<const T*>(g), static_cast<const T*>(dm), static_cast<T*>(du),
                    static_cast<std::uint32_t>(columns), routing, static_cast<std::uint32_t>(tokens), mask,
                    share);
            }))
            return;
        scatterKernel<T><<<share.blocks(tokens), kThreads, 0, stream>>>(
            static_cast<const T*>(g), static_cast<const T*>(dm), static_cast<T*>(du), columns, routing,
            static_cast<std::uint32_t>(tokens), mask, share);
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
