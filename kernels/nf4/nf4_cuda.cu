// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cuda_fp16.h>

#include "kernels/common/dependent.cuh"
#include "kernels/common/device.cuh"
#include "kernels/nf4/dynamic_map.h"
#include "kernels/nf4/nf4.h"
#include "kernels/nf4/tables.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 256;
__constant__ float kCode[16];
__constant__ float kThreshold[15];
__constant__ float kMap[256];

// Constant tables, filled once per process and device (before any capture: quantising happens at load).
int fillTables() {
    int device = 0;
    if (const auto error = cudaGetDevice(&device)) return static_cast<int>(error);
    static std::uint64_t filled = 0;
    if (device < 64 && (filled >> device & 1)) return 0;
    if (const auto error = cudaMemcpyToSymbol(kCode, kNf4Code, sizeof kNf4Code))
        return static_cast<int>(error);
    if (const auto error = cudaMemcpyToSymbol(kThreshold, kNf4Threshold, sizeof kNf4Threshold))
        return static_cast<int>(error);
    if (const auto error = cudaMemcpyToSymbol(kMap, kDynamicMapSigned, sizeof kDynamicMapSigned))
        return static_cast<int>(error);
    if (device < 64) filled |= std::uint64_t{1} << device;
    return 0;
}

__device__ __forceinline__ float flush(float x) {
    return fabsf(x) < 0x1p-126f ? copysignf(0.0f, x) : x;
}

// One warp per block of 64: two elements a lane. Separate roundings (__fmul_rn) keep the CPU's bits.
__global__ void quantizeKernel(const float* x, std::int64_t elements, std::uint8_t* codes, float* absmax,
                               std::int64_t blocks) {
    const std::int64_t block = blockIdx.x * std::int64_t{kThreads / 32} + (threadIdx.x >> 5);
    if (block >= blocks) return;
    const std::int64_t at = block * kNf4Block + (threadIdx.x & 31) * 2;
    const float v[2] = {at < elements ? x[at] : 0.0f, at + 1 < elements ? x[at + 1] : 0.0f};
    float top = fmaxf(fmaxf(0.0f, fabsf(v[0])), fabsf(v[1]));
    for (int offset = 16; offset > 0; offset /= 2)
        top = fmaxf(top, __shfl_xor_sync(0xFFFFFFFFu, top, offset));
    top = flush(top);
    if ((threadIdx.x & 31) == 0) absmax[block] = top;
    const float inverse = flush(__fdiv_rn(1.0f, top));
    unsigned pair = 0;
    for (int j = 0; j < 2; ++j) {
        const float scaled = flush(__fmul_rn(flush(v[j]), inverse));
        unsigned code = 0;
        for (int i = 0; i < 15; ++i)
            code += scaled > kThreshold[i];
        pair = pair << 4 | code;
    }
    if (at < elements) codes[at / 2] = static_cast<std::uint8_t>(pair);
}

__device__ __forceinline__ std::uint8_t nearestInMap(float x) {
    int low = 0, high = 255;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        (kMap[middle] < x ? low : high) = middle;
    }
    return static_cast<std::uint8_t>(x > __fmul_rn(__fadd_rn(kMap[low], kMap[high]), 0.5f) ? high : low);
}

// One block of 256 threads per nested block.
__global__ void quantizeAbsmaxKernel(const float* absmax, std::int64_t count, float offset,
                                     std::uint8_t* codes, float* nested) {
    const std::int64_t at = blockIdx.x * kNestedBlock + threadIdx.x;
    const float v = at < count ? __fsub_rn(absmax[at], offset) : 0.0f;
    const float top = blockReduce(fabsf(v), 0.0f, Larger{});
    if (threadIdx.x == 0) nested[blockIdx.x] = top;
    const float inverse = flush(__fdiv_rn(1.0f, top));
    if (at < count) codes[at] = nearestInMap(flush(__fmul_rn(v, inverse)));
}

__global__ void absmaxSumsKernel(const float* absmax, std::int64_t count, double* partial) {
    const std::int64_t block = blockIdx.x * std::int64_t{kThreads} + threadIdx.x,
                       first = block * kNestedBlock;
    if (first >= count) return;
    double sum = 0;
    for (std::int64_t i = first; i < count && i < first + kNestedBlock; ++i)
        sum += static_cast<double>(absmax[i]);
    partial[block] = sum;
}

__device__ __forceinline__ float roundTo(float x, StoredType stored) {
    if (stored == StoredType::BF16) return __bfloat162float(__float2bfloat16_rn(x));
    if (stored == StoredType::F16) return __half2float(__float2half_rn(x));
    return x;
}

// Rounded product with denormals flushed to a zero of their sign, of the factors and of the result: what
// flush(flush(a) * flush(b)) is, in one instruction.
__device__ __forceinline__ float multiplyFlushed(float a, float b) {
    float product;
    asm("mul.rn.ftz.f32 %0, %1, %2;" : "=f"(product) : "f"(a), "f"(b));
    return product;
}

__device__ __forceinline__ float scaleOf(const Nf4Source& source, std::int64_t block) {
    if (source.absmax != nullptr) return flush(source.absmax[block]);
    const float scale = flush(
        __fmul_rn(source.nestedMap[source.absmaxCodes[block]], source.nestedAbsmax[block / kNestedBlock]));
    return flush(__fadd_rn(scale, source.offset));
}

// bf16 values of whole, aligned blocks of 64. A lane reads four bytes and writes sixteen, neighbours side by
// side, kTurns times; the sixteen values of a block's code book are made once, two by each of the eight lanes
// that share the block, and fetched by shuffle. Codes and scales are read before the kernel ahead has ended:
// weights do not change.
constexpr int kTurns = 4;
constexpr unsigned kPerWarp = kTurns * 32;  // groups of eight values

// Matrices of one launch, a row of blocks each.
template <int Count>
struct Parts {
    Nf4Source source[Count];
    unsigned eights[Count];
    Bf16* out[Count];
};

template <bool Nested, StoredType Stored, int Count>
__global__ void __launch_bounds__(kThreads) dequantizeWideKernel(const __grid_constant__ Parts<Count> parts) {
    const int part = Count == 1 ? 0 : static_cast<int>(blockIdx.y);
    const Nf4Source& source = parts.source[part];
    const unsigned eights = parts.eights[part];
    Bf16* out = parts.out[part];
    if (Count > 1 && blockIdx.x * (kThreads / 32) * kPerWarp >= eights) return;
    const unsigned first =
        (blockIdx.x * (kThreads / 32) + (threadIdx.x >> 5)) * kPerWarp + (threadIdx.x & 31);
    const float low = kCode[(threadIdx.x & 7) * 2], high = kCode[(threadIdx.x & 7) * 2 + 1];
    const auto* words = reinterpret_cast<const std::uint32_t*>(source.codes);
    std::uint32_t codes[kTurns];
    float scale[kTurns];
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
        const unsigned at = min(first + turn * 32, eights - 1);  // a block of 64 is eight eights
        codes[turn] = words[at];
        if constexpr (Nested)
            scale[turn] = __fadd_rn(multiplyFlushed(source.nestedMap[source.absmaxCodes[at / 8]],
                                                    source.nestedAbsmax[at / (8 * kNestedBlock)]),
                                    source.offset);
        else
            scale[turn] = source.absmax[at / 8];
    }
    previousDone();
    allowNext();
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
        const std::uint32_t book = packBf16(roundTo(multiplyFlushed(low, scale[turn]), Stored),
                                            roundTo(multiplyFlushed(high, scale[turn]), Stored));
        std::uint32_t pairs[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const std::uint32_t byte = codes[turn] >> (8 * i);  // high nibble: the even element
            const std::uint32_t even = __shfl_sync(0xFFFFFFFFu, book, static_cast<int>(byte >> 5), 8),
                                odd = __shfl_sync(0xFFFFFFFFu, book, static_cast<int>(byte >> 1), 8);
            pairs[i] = __byte_perm(even, odd, 0x5410u + (byte >> 4 & 1u) * 0x22u + (byte & 1u) * 0x2200u);
        }
        const unsigned at = first + turn * 32;
        if (at < eights)
            reinterpret_cast<uint4*>(out)[at] = make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
    }
}

template <bool Nested, StoredType Stored, int Count>
int launchWide(const Parts<Count>& parts, Stream stream) {
    unsigned most = 0;
    for (const unsigned eights : parts.eights)
        most = max(most, eights);
    return launchDependent(dequantizeWideKernel<Nested, Stored, Count>,
                           dim3(blocksFor(most, kPerWarp * (kThreads / 32)), Count), kThreads, 0, stream,
                           parts);
}

template <bool Nested, int Count>
int dequantizeWide(const Parts<Count>& parts, StoredType stored, Stream stream) {
    if (stored == StoredType::BF16) return launchWide<Nested, StoredType::BF16>(parts, stream);
    if (stored == StoredType::F16) return launchWide<Nested, StoredType::F16>(parts, stream);
    return launchWide<Nested, StoredType::F32>(parts, stream);
}

// Rows of a joined matrix may begin anywhere; wide accesses need 16 bytes.
bool wideTakes(const Nf4Source& source, std::int64_t elements, const void* out) {
    return aligned16(out) && aligned16(source.codes) && elements > 0 && elements % kNf4Block == 0 &&
           elements < std::int64_t{1} << 34;
}

template <int Count>
int dequantizeSeveral(const Nf4Part* parts, StoredType stored, Stream stream) {
    Parts<Count> several{};
    for (int i = 0; i < Count; ++i) {
        several.source[i] = parts[i].source;
        several.eights[i] = static_cast<unsigned>(parts[i].elements / 8);
        several.out[i] = static_cast<Bf16*>(parts[i].out);
    }
    return parts[0].source.absmax != nullptr ? dequantizeWide<false>(several, stored, stream)
                                             : dequantizeWide<true>(several, stored, stream);
}

// Everything else: one thread per 32 elements, one 16-byte load of codes; each lane of a half-warp holds one
// value of the code book.
template <class T>
__global__ void dequantizeKernel(Nf4Source source, std::int64_t elements, StoredType stored, T* out,
                                 bool aligned) {
    const std::int64_t index = blockIdx.x * std::int64_t{kThreads} + threadIdx.x, first = index * 32;
    const bool active = first < elements, whole = aligned && first + 32 <= elements;
    const float book = kCode[threadIdx.x & 15];
    std::uint32_t words[4] = {};
    float scale = 0;
    if (active) {
        scale = scaleOf(source, first / kNf4Block);
        if (whole) {
            const uint4 raw = *reinterpret_cast<const uint4*>(source.codes + first / 2);
            words[0] = raw.x, words[1] = raw.y, words[2] = raw.z, words[3] = raw.w;
        } else {
            for (std::int64_t i = 0; i < 16 && i < (elements - first + 1) / 2; ++i)
                words[i / 4] |= std::uint32_t{source.codes[first / 2 + i]} << (8 * (i % 4));
        }
    }
    for (int w = 0; w < 4; ++w) {
        float v[8];
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            const int shift = (i / 2) * 8 + (i % 2 == 0 ? 4 : 0);
            v[i] = roundTo(
                flush(__fmul_rn(__shfl_sync(0xFFFFFFFFu, book, static_cast<int>(words[w] >> shift & 15u)),
                                scale)),
                stored);
        }
        if (whole) {
            storeEight(out + first + w * 8, v);
        } else if (active) {
            for (int i = 0; i < 8; ++i)
                if (first + w * 8 + i < elements) out[first + w * 8 + i] = fromFloat<T>(v[i]);
        }
    }
}

}  // namespace

int quantizeNf4(const float* x, std::int64_t elements, std::uint8_t* codes, float* absmax, Stream stream) {
    if (const int error = fillTables()) return error;
    const std::int64_t blocks = (elements + kNf4Block - 1) / kNf4Block;
    quantizeKernel<<<blocksFor(blocks, kThreads / 32), kThreads, 0, stream>>>(x, elements, codes, absmax,
                                                                              blocks);
    return launched();
}

int quantizeAbsmax(const float* absmax, std::int64_t count, float offset, std::uint8_t* codes, float* nested,
                   Stream stream) {
    if (const int error = fillTables()) return error;
    quantizeAbsmaxKernel<<<blocksFor(count, kNestedBlock), static_cast<unsigned>(kNestedBlock), 0, stream>>>(
        absmax, count, offset, codes, nested);
    return launched();
}

int absmaxSums(const float* absmax, std::int64_t count, double* partial, Stream stream) {
    absmaxSumsKernel<<<blocksFor((count + kNestedBlock - 1) / kNestedBlock, kThreads), kThreads, 0, stream>>>(
        absmax, count, partial);
    return launched();
}

int dequantizeNf4(const Nf4Source& source, std::int64_t elements, StoredType stored, Element outElement,
                  void* out, Stream stream) {
    if (elements == 0) return 0;
    if (const int error = fillTables()) return error;
    if (outElement == Element::BF16 && wideTakes(source, elements, out)) {
        const Nf4Part part{source, elements, out};
        return dequantizeSeveral<1>(&part, stored, stream);
    }
    const bool aligned = aligned16(out) && aligned16(source.codes);
    forElement(outElement, [&](auto type) {
        using T = decltype(type);
        dequantizeKernel<T><<<blocksFor((elements + 31) / 32, kThreads), kThreads, 0, stream>>>(
            source, elements, stored, static_cast<T*>(out), aligned);
    });
    return launched();
}

int dequantizeNf4Parts(const Nf4Part* parts, int count, StoredType stored, Stream stream) {
    if (const int error = fillTables()) return error;
    bool together = count == 2 || count == 3;
    for (int i = 0; i < count; ++i)
        together = together && wideTakes(parts[i].source, parts[i].elements, parts[i].out) &&
                   (parts[i].source.absmax != nullptr) == (parts[0].source.absmax != nullptr);
    if (together)
        return count == 2 ? dequantizeSeveral<2>(parts, stored, stream)
                          : dequantizeSeveral<3>(parts, stored, stream);
    for (int i = 0; i < count; ++i)
        if (const int error = dequantizeNf4(parts[i].source, parts[i].elements, stored, Element::BF16,
                                            parts[i].out, stream))
            return error;
    return 0;
}

}  // namespace caravan::kernels::cuda
