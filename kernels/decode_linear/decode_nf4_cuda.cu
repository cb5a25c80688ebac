// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/decode_linear/decode_nf4.cuh"
#include "kernels/decode_linear/launches.h"

namespace caravan::kernels::cuda {
namespace {

__device__ __forceinline__ void fillTables(const DecodeLaunch& a, unsigned char* shared,
                                           const Nf4Layout& at) {
    const int lane = threadIdx.x & 31;
    for (int code = threadIdx.x >> 5; code < 256; code += kWarps)
        *reinterpret_cast<std::uint32_t*>(shared + code * 256 + lane * 4) =
            packBf16(kBook[code >> 4], kBook[code & 15]);  // the high nibble is the even element
    float* maps = reinterpret_cast<float*>(shared + at.maps);
    for (int p = 0; p < a.linear.partCount; ++p)
        maps[p * 256 + threadIdx.x] = a.linear.parts[p].nf4.nestedMap[threadIdx.x];
}

// Where the hidden values of a part begin in shared memory.
__device__ __forceinline__ int hiddenAt(const DecodeLaunch& a, int part) {
    int at = 0;
    for (int p = 0; p < part; ++p)
        at += static_cast<int>(a.linear.parts[p].rank * a.linear.batch);
    return at;
}

__device__ __forceinline__ void fetchHidden(const DecodeLaunch& a, float* hidden) {
    for (int p = 0; p < a.linear.partCount; ++p) {
        const DecodePart& part = a.linear.parts[p];
        if (!part.loraB) continue;
        for (int i = threadIdx.x; i < part.rank * a.linear.batch; i += kDecodeThreads)
            hidden[hiddenAt(a, p) + i] = __ldcg(part.loraHidden + i);
    }
}

// Sums of the warps, LoRA, bias, SwiGLU, residual: a warp for each pair of rows.
__device__ __forceinline__ void finishTile(const DecodeLaunch& a, int tile, const float* sums,
                                           const float* hidden, const TileEnd& end) {
    const DecodeLinear& l = a.linear;
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    TileRow first, second;
    rowsOf(a, tile, warp, first, second);
    const DecodePart &p = l.parts[first.part], &q = l.parts[second.part];
    for (std::int64_t b = 0; b < l.batch; ++b) {
        const float* rows = sums + b * kTileRows * kWarps;
        float u = lane < kWarps ? rows[warp * kWarps + lane] : 0.0f,
              v = lane < kWarps ? rows[(warp + 8) * kWarps + lane] : 0.0f;
        u += loraSum(p, first.row, hidden + hiddenAt(a, first.part) + b * p.rank, end.b0);
        v += loraSum(q, second.row, hidden + hiddenAt(a, second.part) + b * q.rank, end.b1);
        u = warpReduce(u, Plus{});
        v = warpReduce(v, Plus{});
        if (lane != 0) continue;
        u += biasOf<Bf16>(p, first.row);
        v += biasOf<Bf16>(q, second.row);
        const std::int64_t column = p.column + first.row, beside = q.column + second.row;
        const bool loaded = l.batch == 1;
        if (l.swiglu) {
            u = roundAs<Bf16>(u), v = roundAs<Bf16>(v);
            storeValue<Bf16>(l, b, column, silu(u) * v,
                             loaded ? end.residual0 : residualOf<Bf16>(l, b, column));
        } else {
            storeValue<Bf16>(l, b, column, u, loaded ? end.residual0 : residualOf<Bf16>(l, b, column));
            storeValue<Bf16>(l, b, beside, v, loaded ? end.residual1 : residualOf<Bf16>(l, b, beside));
        }
    }
}

template <int Tiles>
__global__ __launch_bounds__(kDecodeThreads,
                             Tiles == 1 ? 2 : 1) void nf4Kernel(const __grid_constant__ DecodeLaunch a) {
    extern __shared__ __align__(256) unsigned char shared[];
    const Nf4Layout at = nf4Layout(a);
    Bf16* input = reinterpret_cast<Bf16*>(shared + at.input);
    const float* maps = reinterpret_cast<const float*>(shared + at.maps);
    float* sums = reinterpret_cast<float*>(shared + at.sums);
    float* hidden = reinterpret_cast<float*>(shared + at.hidden);
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, g = lane >> 2, t = lane & 3;
    const int steps = static_cast<int>(a.linear.inner / kStep), batch = static_cast<int>(a.linear.batch);
    const int mySteps = warp < steps ? (steps - warp + kWarps - 1) / kWarps : 0;
    const int myTiles = static_cast<int>(blockIdx.x) < a.tiles
                            ? (a.tiles - static_cast<int>(blockIdx.x) + static_cast<int>(gridDim.x) - 1) /
                                  static_cast<int>(gridDim.x)
                            : 0;
    bool hasLora = false;
    for (int p = 0; p < a.linear.partCount; ++p)
        hasLora = hasLora || a.linear.parts[p].loraB != nullptr;

    // Frozen weights do not wait for the previous kernel.
    CodeItem ring[kAhead];
    CodeCursor cursor;
    cursor.tile = static_cast<int>(blockIdx.x);
    const int items = mySteps * myTiles;
    if (items > 0) cursor.enter(a, warp);
    const auto advance = [&] {
        cursor.step += kWarps;
        if (cursor.step < steps) return;
        cursor.tile += static_cast<int>(gridDim.x);
        if (cursor.tile < a.tiles) cursor.enter(a, warp);
    };
#pragma unroll
    for (int i = 0; i < kAhead; ++i)
        if (i < items) {
            loadItem(ring[i], cursor);
            advance();
        }
    prefetchSides<Bf16>(a.linear);
    fillTables(a, shared, at);
    stageNorm(a, input);
    previousDone();
    allowNext();
    stageInput(a, input);
    sideRows(a, input, hasLora);

    bool active[Tiles];
#pragma unroll
    for (int n = 0; n < Tiles; ++n)
        active[n] = (g & 1) == (t >> 1) && 4 * n + (g >> 1) < batch;
    const Bf16* x = input + (g >> 1) * a.inputStride + t * 32;

    int tile = static_cast<int>(blockIdx.x), step = warp, half = 0;
    float total[Tiles][2];
    TileEnd end;
    TileRow first, second;
    float offsetA = 0, offsetB = 0;
    const auto beginTile = [&] {
#pragma unroll
        for (int n = 0; n < Tiles; ++n)
            total[n][0] = total[n][1] = 0;
        rowsOf(a, tile, g, first, second);
        offsetA = a.linear.parts[first.part].nf4.offset;
        offsetB = a.linear.parts[second.part].nf4.offset;
        prefetchEnd(a, tile, end);
    };
    const auto endTile = [&] {
        float* mine = sums + half * batch * kTileRows * kWarps;
#pragma unroll
        for (int n = 0; n < Tiles; ++n) {
            const int b = 4 * n + t;
            if (b >= batch) continue;
            mine[(b * kTileRows + g) * kWarps + warp] = total[n][0];
            mine[(b * kTileRows + g + 8) * kWarps + warp] = total[n][1];
        }
        const bool opening = hasLora && tile == static_cast<int>(blockIdx.x);
        if (opening && warp == 0) awaitSides(a);
        __syncthreads();
        if (opening) {
            fetchHidden(a, hidden);
            __syncthreads();
        }
        finishTile(a, tile, mine, hidden, end);
        half ^= 1;
        tile += static_cast<int>(gridDim.x);
    };
    if (items == 0)
        for (int i = 0; i < myTiles; ++i) {
            beginTile();
            endTile();
        }
    for (int base = 0; base < items; base += kAhead) {
#pragma unroll
        for (int i = 0; i < kAhead; ++i) {
            if (base + i >= items) break;
            if (step == warp) beginTile();
            float sum[Tiles][4] = {};
            multiplyStep<Tiles>(shared, ring[i], x + step * kStep, a.inputStride, active, sum);
            const CodeItem item = ring[i];
            if (base + i + kAhead < items) {
                loadItem(ring[i], cursor);
                advance();
            }
            const float *mapA = maps + first.part * 256, *mapB = maps + second.part * 256;
            const float a0 = scaleOf(mapA, item.scaleA, item.nestedA, offsetA),
                        a1 = scaleOf(mapA, item.scaleA >> 8, item.nestedA, offsetA),
                        b0 = scaleOf(mapB, item.scaleB, item.nestedB, offsetB),
                        b1 = scaleOf(mapB, item.scaleB >> 8, item.nestedB, offsetB);
#pragma unroll
            for (int n = 0; n < Tiles; ++n) {
                total[n][0] += sum[n][0] * a0 + sum[n][1] * a1;
                total[n][1] += sum[n][2] * b0 + sum[n][3] * b1;
            }
            step += kWarps;
            if (step < steps) continue;
            step = warp;
            endTile();
        }
    }
}

}  // namespace

std::size_t nf4SharedBytes(const DecodeLaunch& launch) {
    return static_cast<std::size_t>(nf4Layout(launch).total);
}

int launchNf4(const DecodeLaunch& launch, unsigned blocks, Stream stream) {
    const std::size_t shared = nf4SharedBytes(launch);
    if (launch.linear.batch <= 4)
        return launchDependent(nf4Kernel<1>, blocks, kDecodeThreads, shared, stream, launch);
    if (launch.linear.batch <= 8)
        return launchDependent(nf4Kernel<2>, blocks, kDecodeThreads, shared, stream, launch);
    return launchDependent(nf4Kernel<4>, blocks, kDecodeThreads, shared, stream, launch);
}

}  // namespace caravan::kernels::cuda
