// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <type_traits>

#include "kernels/lora/lora_tiles.cuh"

namespace caravan::kernels::cuda {

using namespace lora;

namespace {

constexpr int kWide = 128;               // columns of dx per block
constexpr int kWideStride = kWide + 8;   // of A's tile
constexpr int kStageStride = kWide + 4;  // of the fp32 stage

// One block per 64 tokens and 128 columns of dx.
template <int Sites>
__global__ void __launch_bounds__(kThreads, 2)
    inputKernel(const Bf16* dh, const __grid_constant__ LoraSites sites, Bf16* dx, std::int64_t tokens,
                std::int64_t columns, bool add) {
    __shared__ __align__(16) unsigned char shared[kTile * kStageStride * sizeof(float)];
    Bf16* dhTile = reinterpret_cast<Bf16*>(shared);
    Bf16* aTile = dhTile + kTileElements;
    auto* keep = reinterpret_cast<unsigned char*>(aTile + kTile * kWideStride);  // [64 tokens][16] bits of 8
    auto* stage = reinterpret_cast<float*>(shared);
    static_assert((kTileElements + kTile * kWideStride) * 2 + kTile * 16 <= sizeof shared);
    const std::int64_t firstToken = blockIdx.y * std::int64_t{kTile},
                       firstColumn = blockIdx.x * std::int64_t{kWide};
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, m0 = (warp & 3) * 16, n0 = (warp >> 2) * 64;
    float sum[8][4] = {};
#pragma unroll 1  // unrolled, three sites' loads at once overflow the registers
    for (int s = 0; s < Sites; ++s) {
        const auto* a = static_cast<const Bf16*>(sites.a[s]) + firstColumn;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const Piece at(i);
            store(dhTile, at,
                  loadOrZero(dh + (firstToken + at.row) * Sites * kTile + s * kTile + at.column,
                             firstToken + at.row < tokens));
        }
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int e = threadIdx.x + i * kThreads, row = e / 16, column = e % 16 * 8;
            *reinterpret_cast<uint4*>(aTile + row * kWideStride + column) =
                *reinterpret_cast<const uint4*>(a + row * columns + column);
            const DropoutMask& mask = sites.mask[s];
            const PhiloxBlock b = philox(
                keyOf(mask),
                static_cast<std::uint64_t>((rowOffsetOf(mask) + firstToken + row) * blocksPerRow(columns) +
                                           (firstColumn + column) / 8));
            unsigned bits = 0;
#pragma unroll
            for (int w = 0; w < 4; ++w) {
                bits |= ((b.word[w] & 0xFFFFu) >= mask.threshold ? 1u : 0u) << (2 * w);
                bits |= ((b.word[w] >> 16) >= mask.threshold ? 1u : 0u) << (2 * w + 1);
            }
            keep[row * 16 + column / 8] = static_cast<unsigned char>(bits);
        }
        __syncthreads();
        float part[8][4] = {};
#pragma unroll
        for (int k = 0; k < kTile; k += 16) {
            std::uint32_t left[4];
            loadMatrices(left, dhTile + (m0 + (lane & 15)) * kStride + k + (lane >> 4) * 8);
#pragma unroll
            for (int n = 0; n < 8; n += 2) {
                std::uint32_t right[4];
                loadMatricesTransposed(
                    right, aTile + (k + (lane & 15)) * kWideStride + n0 + n * 8 + (lane >> 4) * 8);
                multiplyTile(part[n], left, right[0], right[1]);
                multiplyTile(part[n + 1], left, right[2], right[3]);
            }
        }
        const float scale = sites.mask[s].scale;
#pragma unroll
        for (int n = 0; n < 8; ++n)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const unsigned bits = keep[(m0 + lane / 4 + half * 8) * 16 + n0 / 8 + n] >> (lane % 4 * 2);
                sum[n][half * 2] += (bits & 1u) != 0 ? part[n][half * 2] * scale : 0.0f;
                sum[n][half * 2 + 1] += (bits & 2u) != 0 ? part[n][half * 2 + 1] * scale : 0.0f;
            }
        __syncthreads();
    }
#pragma unroll
    for (int n = 0; n < 8; ++n)
#pragma unroll
        for (int half = 0; half < 2; ++half)
            *reinterpret_cast<float2*>(stage + (m0 + lane / 4 + half * 8) * kStageStride + n0 + n * 8 +
                                       lane % 4 * 2) = make_float2(sum[n][half * 2], sum[n][half * 2 + 1]);
    __syncthreads();
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const int e = threadIdx.x + i * kThreads, row = e / 16, column = e % 16 * 8;
        if (firstToken + row >= tokens) continue;
        Bf16* to = dx + (firstToken + row) * columns + firstColumn + column;
        Eight<Bf16> v{};
        if (add) v = loadEight(to);
#pragma unroll
        for (int j = 0; j < 8; ++j)
            v.v[j] += stage[row * kStageStride + column + j];
        storeEight(to, v.v);
    }
}

}  // namespace

int loraInput(const void* dh, const LoraSites& sites, void* dx, std::int64_t tokens, std::int64_t columns,
              bool add, Stream stream) {
    if (tokens == 0) return 0;
    const dim3 grid(static_cast<unsigned>(columns / kWide), blocksFor(tokens, kTile));
    return forSites(sites.count, [&](auto count) {
        inputKernel<decltype(count)::value><<<grid, kThreads, 0, stream>>>(
            static_cast<const Bf16*>(dh), sites, static_cast<Bf16*>(dx), tokens, columns, add);
        return launched();
    });
}

}  // namespace caravan::kernels::cuda
