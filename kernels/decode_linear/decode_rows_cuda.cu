// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cuda_fp16.h>

#include "kernels/decode_linear/launches.h"
#include "kernels/decode_linear/stage.cuh"
#include "kernels/nf4/tables.h"

// Log: dense 32000 x 4096 (61 us at 4.3 TB/s), one H200: two blocks a multiprocessor 117 us, four 94.
//
// The general kernel: dense parts, fp32, any shape, NF4 with every rounding of the dequantised weight. A warp
// for two rows: neighbours of a part, or the same row of both parts with SwiGLU.
namespace caravan::kernels::cuda {
namespace {

static __constant__ float kCodes[16] = {kNf4Code[0],  kNf4Code[1],  kNf4Code[2],  kNf4Code[3],
                                        kNf4Code[4],  kNf4Code[5],  kNf4Code[6],  kNf4Code[7],
                                        kNf4Code[8],  kNf4Code[9],  kNf4Code[10], kNf4Code[11],
                                        kNf4Code[12], kNf4Code[13], kNf4Code[14], kNf4Code[15]};
constexpr int kGroup = 4;  // batch rows at once

template <class T>
__device__ __forceinline__ float roundStored(float x, StoredType stored) {
    if (stored == StoredType::BF16) x = roundAs<Bf16>(x);
    if (stored == StoredType::F16) x = __half2float(__float2half_rn(x));
    return roundAs<T>(x);
}
__device__ __forceinline__ float nf4Scale(const Nf4Source& w, std::int64_t block) {
    if (w.absmax != nullptr) return w.absmax[block];
    return __fadd_rn(__fmul_rn(w.nestedMap[w.absmaxCodes[block]], w.nestedAbsmax[block / kNestedBlock]),
                     w.offset);
}
template <class T>
__device__ __forceinline__ float weightAt(const DecodePart& part, const float* book, std::int64_t element) {
    if (part.dense) return toFloat(static_cast<const T*>(part.dense)[element]);
    const unsigned pair = part.nf4.codes[element / 2];
    return roundStored<T>(
        __fmul_rn(book[element % 2 == 0 ? pair >> 4 : pair & 15u], nf4Scale(part.nf4, element / kNf4Block)),
        part.stored);
}
// Eight weights from an element that is a multiple of 8.
template <class T>
__device__ __forceinline__ Eight<T> weightsAt(const DecodePart& part, const float* book,
                                              std::int64_t element) {
    if (part.dense) return loadEight(static_cast<const T*>(part.dense) + element);
    const std::uint32_t codes = *reinterpret_cast<const std::uint32_t*>(part.nf4.codes + element / 2);
    const float scale = nf4Scale(part.nf4, element / kNf4Block);
    Eight<T> w;
#pragma unroll
    for (int i = 0; i < 8; ++i)
        w.v[i] = roundStored<T>(__fmul_rn(book[codes >> ((i / 2) * 8 + (i % 2 == 0 ? 4 : 0)) & 15u], scale),
                                part.stored);
    return w;
}

// Two rows of weights at once: more loads under way.
struct RowPair {
    const DecodePart *part, *besidePart;
    std::int64_t row, besideRow;
    bool second;
};

// u[b] += row . x, v[b] += the row beside it . x, of batch rows first .. first + kGroup
template <class T>
__device__ __forceinline__ void addRows(const DecodeLaunch& a, const RowPair& pair, const float* book,
                                        const T* input, std::int64_t first, float (&u)[kGroup],
                                        float (&v)[kGroup]) {
    const std::int64_t inner = a.linear.inner, begin = pair.row * inner,
                       beside = pair.second ? pair.besideRow * inner : begin;
    const DecodePart& other = pair.second ? *pair.besidePart : *pair.part;
    const int lane = threadIdx.x & 31;
    if (a.vectors) {
#pragma unroll 4
        for (std::int64_t i = lane * 8; i < inner; i += 256) {
            const Eight<T> w = weightsAt<T>(*pair.part, book, begin + i),
                           z = weightsAt<T>(other, book, beside + i);
#pragma unroll
            for (int b = 0; b < kGroup; ++b) {
                if (first + b >= a.linear.batch) break;
                const Eight<T> x = loadEight(input + (first + b) * a.inputStride + i);
#pragma unroll
                for (int j = 0; j < 8; ++j) {
                    u[b] += w.v[j] * x.v[j];
                    v[b] += z.v[j] * x.v[j];
                }
            }
        }
        return;
    }
    for (std::int64_t i = lane; i < inner; i += 32) {
        const float w = weightAt<T>(*pair.part, book, begin + i), z = weightAt<T>(other, book, beside + i);
        for (int b = 0; b < kGroup && first + b < a.linear.batch; ++b) {
            const float x = toFloat(input[(first + b) * a.inputStride + i]);
            u[b] += w * x;
            v[b] += z * x;
        }
    }
}

template <class T>
__device__ __forceinline__ void addLora(const DecodeLaunch& a, const DecodePart& part, std::int64_t row,
                                        std::int64_t first, float (&sums)[kGroup]) {
    if (!part.loraB) return;
    for (std::int64_t j = threadIdx.x & 31; j < part.rank; j += 32) {
        const float w = part.scale * toFloat(static_cast<const T*>(part.loraB)[row * part.rank + j]);
        for (int b = 0; b < kGroup && first + b < a.linear.batch; ++b)
            sums[b] += w * __ldcg(part.loraHidden + (first + b) * part.rank + j);
    }
}

template <class T>
__device__ __forceinline__ void finish(const DecodeLaunch& a, int p, std::int64_t row, bool second,
                                       std::int64_t first, const float (&u)[kGroup],
                                       const float (&v)[kGroup]) {
    const DecodeLinear& l = a.linear;
    const DecodePart& part = l.parts[p];
    for (int b = 0; b < kGroup && first + b < l.batch; ++b) {
        const std::int64_t column = part.column + row;
        float x = u[b] + biasOf<T>(part, row), y = v[b];
        if (l.swiglu) {
            y = roundAs<T>(y + biasOf<T>(l.parts[1], row));
            x = roundAs<T>(x);
            x = silu(x) * y;
        } else if (second) {
            y += biasOf<T>(part, row + 1);
            storeValue<T>(l, first + b, column + 1, y, residualOf<T>(l, first + b, column + 1));
        }
        storeValue<T>(l, first + b, column, x, residualOf<T>(l, first + b, column));
    }
}

// Many: more than one row of x.
template <class T, bool Many>
__global__ __launch_bounds__(kDecodeThreads, 4) void rowsKernel(const __grid_constant__ DecodeLaunch a) {
    extern __shared__ __align__(16) unsigned char shared[];
    __shared__ float book[16];
    T* input = reinterpret_cast<T*>(shared);
    const DecodeLinear& l = a.linear;
    bool hasLora = false;
    for (int p = 0; p < l.partCount; ++p)
        hasLora = hasLora || l.parts[p].loraB != nullptr;
    if (threadIdx.x < 16) book[threadIdx.x] = kCodes[threadIdx.x];
    prefetchSides<T>(l);
    stageNorm(a, input);
    previousDone();
    allowNext();
    stageInput<Many>(a, input);
    sideRows<Many>(a, input, hasLora);
    for (int pair = static_cast<int>(blockIdx.x) * kWarps + (threadIdx.x >> 5); pair < a.tiles;
         pair += static_cast<int>(gridDim.x) * kWarps) {
        const int p = l.swiglu ? 0 : (pair >= a.tileBegin[1]) + (pair >= a.tileBegin[2]);
        const std::int64_t row = l.swiglu ? pair : 2 * std::int64_t{pair - a.tileBegin[p]};
        const bool second = l.swiglu || row + 1 < l.parts[p].rows;
        const DecodePart& beside = l.parts[l.swiglu ? 1 : p];
        const std::int64_t besideRow = l.swiglu ? row : row + 1;
        for (std::int64_t first = 0; first < l.batch; first += kGroup) {
            float u[kGroup] = {}, v[kGroup] = {};
            addRows<T>(a, {&l.parts[p], &beside, row, besideRow, second}, book, input, first, u, v);
            if (hasLora) {
                awaitSides(a);
                addLora<T>(a, l.parts[p], row, first, u);
                if (second) addLora<T>(a, beside, besideRow, first, v);
            }
#pragma unroll
            for (int b = 0; b < kGroup; ++b) {
                u[b] = warpReduce(u[b], Plus{});
                v[b] = warpReduce(v[b], Plus{});
            }
            if ((threadIdx.x & 31) == 0) finish<T>(a, p, row, second, first, u, v);
        }
    }
}

}  // namespace

std::size_t rowsSharedBytes(Element element, const DecodeLaunch& launch) {
    return static_cast<std::size_t>(launch.linear.batch) * static_cast<std::size_t>(launch.inputStride) *
           (element == Element::BF16 ? 2 : 4);
}

// f(kernel) with the one for this launch.
template <class F>
static int withRowsKernel(Element element, const DecodeLaunch& launch, F&& f) {
    if (launch.linear.batch > 1)
        return element == Element::BF16 ? f(rowsKernel<Bf16, true>) : f(rowsKernel<float, true>);
    return element == Element::BF16 ? f(rowsKernel<Bf16, false>) : f(rowsKernel<float, false>);
}

int rowsPerMultiprocessor(Element element, const DecodeLaunch& launch) {
    return withRowsKernel(element, launch, [&](auto kernel) {
        return residentBlocks(kernel, kDecodeThreads, rowsSharedBytes(element, launch));
    });
}

int launchRows(Element element, const DecodeLaunch& launch, unsigned blocks, Stream stream) {
    return withRowsKernel(element, launch, [&](auto kernel) {
        return launchDependent(kernel, blocks, kDecodeThreads, rowsSharedBytes(element, launch), stream,
                               launch);
    });
}

}  // namespace caravan::kernels::cuda
