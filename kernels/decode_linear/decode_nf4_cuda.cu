// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/decode_linear/decode_nf4_end.cuh"
#include "kernels/decode_linear/launches.h"

// Log, goes on from decode_linear.h; one H200, us for 4096 x 4096, 11008 x 4096 and 20480 x 7168, and of the
// 128 linears of a 7B token with LoRA. Counters: issue slots 51 %, shared-memory pipe 52 %, warps wait for it
// and for fixed latencies; a launch takes 3.4 us with one tile, LoRA 3.2 us a launch more.
// 4. (here) 6.7, 12.6, 31.8; 2,389.
// 5. Four more warps that decode scales and finish tiles (predicted: 20 % less): 7.1, 12.0, 30.6; 2,361. Not
// kept.
// 6. Whole numbers: four codes at once by byte_perm over two halves of the book in two planes of seven bits,
// x as two
//    digits of its block's largest, int8 tensor cores, no table (predicted: memory speed, the shared-memory
//    pipe being idle): 8.0, 15.8, 37.8; 2,498. 220 instructions a step as here, and the integer pipe takes
//    two cycles for each; with the products left out 5.9, 9.5, 23.1. One warp finishing a tile: 2,840.
// 7. First side row in registers, scales awaited after the input (predicted: 100 us of a
// token): 7.4, 13.5, 33.3;
//    2,427. Blocks do begin ahead of the previous kernel's end: what waits must wait there.
// 8. One block a multiprocessor, so that the next kernel's stands beside it: 8.3, 19.0, 41.1; 3,466.
// 9. Several rows of x: the tile's end for all of them at once (before: one by one through a call; 32, 47, 80
//    for 11008 x 4096 and 4, 8, 16 rows), what it needs asked for at the tile's begin, inputs and side rows
//    four at a time. The 128 linears with LoRA of 1, 2, 4, 8, 16 rows: 2,393, 2,874, 3,920, 5,347, 8,880.
// 10. `lone`: four rows with two blocks a multiprocessor, six instead of five of 11008 inputs. Not measured
//    by itself (batch_decoder.h has the whole step).
// From five rows on there is one block a multiprocessor, which costs what 8. says.
// What is left to try: two teams of eight warps that share the table and the input, for up to eight rows;
// both ways side by side (their pipes differ); and one kernel for a whole layer.
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

// Tiles of eight batch rows.
template <int Tiles, class End>
__global__ __launch_bounds__(kDecodeThreads,
                             Tiles == 1 ? 2 : 1) void nf4Kernel(const __grid_constant__ DecodeLaunch a) {
    extern __shared__ __align__(256) unsigned char shared[];
    const Nf4Layout at = nf4Layout(a);
    Bf16* input = reinterpret_cast<Bf16*>(shared + at.input);
    const float* maps = reinterpret_cast<const float*>(shared + at.maps);
    float* sums = reinterpret_cast<float*>(shared + at.sums);
    float* hidden = reinterpret_cast<float*>(shared + at.hidden);
    float* nested = reinterpret_cast<float*>(shared + at.nested);
    float* scales = reinterpret_cast<float*>(shared + at.scales);
    auto* ends = reinterpret_cast<std::uint32_t*>(shared + at.ends);
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, g = lane >> 2, t = lane & 3;
    const int steps = static_cast<int>(a.linear.inner / kStep), batch = static_cast<int>(a.linear.batch);
    const int firstTile = static_cast<int>(blockIdx.x), stride = static_cast<int>(gridDim.x);
    const int mySteps = warp < steps ? (steps - warp + kWarps - 1) / kWarps : 0;
    const int tileScales = kTileRows * scaleStrideOf(a.linear.inner);
    bool hasLora = false;
    for (int p = 0; p < a.linear.partCount; ++p)
        hasLora = hasLora || a.linear.parts[p].loraB != nullptr;

    // Frozen weights do not wait for the previous kernel.
    CodeRing ring(shared);
    const std::size_t tileBytes = static_cast<std::size_t>(stride) * (a.linear.swiglu ? 8 : 16) *
                                  static_cast<std::size_t>(a.linear.inner) / 2;
    int asked = firstTile, askedStep = 0, slot = 0;  // of the ring's next request
    const auto request = [&](std::uint32_t to) {
        if (asked < a.tiles && mySteps > 0) {
            ring.request(to, askedStep);
            if (++askedStep == mySteps) {
                askedStep = 0;
                asked += stride;
                ring.move(a, asked, tileBytes);
            }
        }
        closeGroup();
    };
    if (firstTile < a.tiles) {
        ring.enter(a, firstTile);
        requestScales(a, firstTile, shared + at.codes, nested);
    }
    closeGroup();
    for (int i = 0; i < kAhead; ++i)
        request(i);
    prefetchSides<Bf16>(a.linear);
    fillTables(a, shared, at);
    stageNorm(a, input);
    awaitGroups<kAhead>();
    __syncthreads();
    if (firstTile < a.tiles) decodeScales(a, firstTile, shared + at.codes, nested, maps, scales);
    previousDone();
    allowNext();
    stageInput<!End::kSingle>(a, input);
    sideRows<!End::kSingle>(a, input, hasLora);

    int active[Tiles];
#pragma unroll
    for (int n = 0; n < Tiles; ++n)
        active[n] = 8 * n + g < batch;
    const std::uint32_t x = static_cast<std::uint32_t>(
        __cvta_generic_to_shared(input + g * a.inputStride + t * 16 + warp * kStep));
    const std::uint32_t batchBytes = 16u * static_cast<std::uint32_t>(a.inputStride);  // of eight rows

    constexpr int kColumns = End::kSingle ? 1 : 2;
    const bool lone = !End::kSingle && a.lone;
    int half = 0;
    for (int tile = firstTile; tile < a.tiles; tile += stride) {
        float total[Tiles][2][kColumns] = {};
        End::begin(a, tile, ends);
        const bool more = tile + stride < a.tiles;
        if (more) requestScales(a, tile + stride, shared + at.codes, nested);
        const float* scale = scales + half * tileScales + g * scaleStrideOf(a.linear.inner) + warp * 2;
        for (int step = 0; step < mySteps; ++step) {
            awaitGroups<kAhead - 1>();
            __syncwarp();
            const CodeItem item = readItem(ring, slot);
            __syncwarp();
            request(slot);
            slot = (slot + 1) % kAhead;
            const std::uint32_t from = x + static_cast<std::uint32_t>(step) * (kWarps * kStep * 2);
            float sum0[Tiles][4] = {}, sum1[Tiles][4] = {};
            multiplyBlock<Tiles>(shared, item.a0, item.b0, from, batchBytes, active, sum0);
            multiplyBlock<Tiles>(shared, item.a1, item.b1, from + 128, batchBytes, active, sum1);
            const float2 first = *reinterpret_cast<const float2*>(scale + step * (2 * kWarps)),
                         second = *reinterpret_cast<const float2*>(scale + 8 * scaleStrideOf(a.linear.inner) +
                                                                   step * (2 * kWarps));
#pragma unroll
            for (int n = 0; n < Tiles; ++n)
#pragma unroll
                for (int c = 0; c < kColumns; ++c) {
                    total[n][0][c] += sum0[n][c] * first.x + sum1[n][c] * first.y;
                    total[n][1][c] += sum0[n][2 + c] * second.x + sum1[n][2 + c] * second.y;
                }
        }
        // With room for one tile, everything of it has been read before the next one's is written.
        if (lone) __syncthreads();
        float* mine = sums + half * batch * kTileRows * kWarps;
#pragma unroll
        for (int n = 0; n < Tiles; ++n)
#pragma unroll
            for (int c = 0; c < kColumns; ++c) {
                const int b = 8 * n + 2 * t + c;
                if (b >= batch) continue;
                mine[(b * kTileRows + g) * kWarps + warp] = total[n][0][c];
                mine[(b * kTileRows + g + 8) * kWarps + warp] = total[n][1][c];
            }
        if (!lone) half ^= 1;
        // What was asked for at the tile's begin went with its first step's group.
        if (mySteps >= kAhead)
            awaitGroups<kAhead - 1>();
        else
            awaitCopies();
        if (more) decodeScales(a, tile + stride, shared + at.codes, nested, maps, scales + half * tileScales);
        __syncthreads();
        if (hasLora && tile == firstTile) End::open(a, hidden);
        End::end(a, tile, mine, hidden, ends);
    }
}

bool suitsQuick(const DecodeLinear& l) {
    bool good = true;
    for (int p = 0; p < l.partCount; ++p)
        good = good && !l.parts[p].bias && l.parts[p].rank <= 64;
    return good;
}

}  // namespace

std::size_t nf4SharedBytes(const DecodeLaunch& launch) {
    return static_cast<std::size_t>(nf4Layout(launch).total);
}

// f(kernel) with the one for this launch.
template <class F>
static int withKernel(const DecodeLaunch& launch, F&& f) {
    if (launch.linear.batch == 1 && suitsQuick(launch.linear)) return f(nf4Kernel<1, SingleEnd>);
    if (launch.linear.batch <= 8) return f(nf4Kernel<1, AnyEnd<1>>);
    return f(nf4Kernel<2, AnyEnd<2>>);
}

int nf4PerMultiprocessor(const DecodeLaunch& launch) {
    return withKernel(
        launch, [&](auto kernel) { return residentBlocks(kernel, kDecodeThreads, nf4SharedBytes(launch)); });
}

int launchNf4(const DecodeLaunch& launch, unsigned blocks, Stream stream) {
    DecodeLaunch quick = launch;
    quick.quick = suitsQuick(launch.linear);
    return withKernel(launch, [&](auto kernel) {
        return launchDependent(kernel, blocks, kDecodeThreads, nf4SharedBytes(launch), stream, quick);
    });
}

}  // namespace caravan::kernels::cuda
