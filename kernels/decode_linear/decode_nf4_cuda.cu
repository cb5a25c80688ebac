// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <utility>

#include "kernels/decode_linear/decode_nf4_end.cuh"
#include "kernels/decode_linear/decode_nf4_side.cuh"
#include "kernels/decode_linear/decode_nf4_stream.cuh"
#include "kernels/decode_linear/launches.h"

// Log, goes on from decode_linear.h; one H200, us for 4096 x 4096, 11008 x 4096 and 20480 x 7168, and of the
// 128 linears of a 7B token with LoRA. Floors at 4.3 TB/s: 2.0, 5.4, 17.6; 846.
// 4. Two blocks of eight warps, which meet at each tile's end: 6.6, 12.5, 31.8; 2,390.
// 5. Four more warps that decode scales and finish tiles (predicted: 20 % less): 7.1, 12.0, 30.6; 2,361. Not
//    kept.
// 6. Whole numbers: four codes at once by byte_perm over two halves of the book in two planes of seven bits,
//    x as two digits of its block's largest, int8 tensor cores, no table (predicted: memory speed): 8.0,
//    15.8, 37.8; 2,498. Not kept.
// 7., 8. Side rows in registers; one block a multiprocessor, so that the next kernel's stands beside it: 7.4,
//    13.5, 33.3; 2,427 and 8.3, 19.0, 41.1; 3,466. Not kept.
// 9., 10. Several rows of x finished together; four in two blocks: 1, 2, 4, 8, 16 rows 2,390, 2,880, 3,270,
//    5,370, 8,500.
// 11. One block: ranges of steps instead of tiles, codes in registers, blocks of 64 in columns of the
//    product, LoRA by the tensor cores, side rows by warps beside (predicted 4.5, 9.5, 26; 1,450 to
//    1,600): 7.5, 13.3, 30.7; 2,156. A trace showed why: 5 us from a block's begin to its last request, side
//    rows 5 to 10 us behind the input, and the loads of an item waited for with those of the next (Supply).
// 12. Lookups ahead of the products (the table at a constant address: a third of the lookup's instructions
//    less), scales and side rows by asynchronous copies: 6.6, 11.7, 27.5; 2,078.
// 13. Items waited for in turn, side rows by all warps (predicted 93 cycles a step; 147): 6.8, 11.8, 25.7;
//    1,811.
// 14. (here) Shorter way to the first step: places from the host, scales as they lie in memory, the
//    table from constants (predicted: 2 us a launch less; 0.6): 6.7, 11.4, 25.2; 1,835,
//    without LoRA 1,557 (13.: 1,607). 1, 2, 4, 8, 16 rows: 1,835, 2,015, 2,380, 3,620, 7,200.
// Not kept: codes asked for 512 or 1,024 bytes a row ahead in the L2 (8.0, 14.8, 33.3; 2,401 against 11.),
// 256 bytes a sector there (as 11.), 19 and 23 warps with 96 and 80 registers (7.2, 12.7, 28.0; 1,929
// and 8.2, 14.7, 31.3; 2,190 against 13.). Of 14. a step takes 119 places of the shared-memory pipe where 120
// cycles are memory speed; with nothing multiplied 5.4, 9.1, 23.2; 1,668. What is left is a launch: what a
// block does once costs 10 to 20 cycles an instruction.
// 15. A warp's second item asked for only behind the input, so that scales and side rows come sooner
//    (predicted: 50 us of a token less): 7.2, 12.3, 27.5; 1,891. Not kept.
namespace caravan::kernels::cuda {
namespace {

// The book's value of a code, in bf16.
template <int I>
struct Book {
    static constexpr float kValue = kNf4Code[I];
};
template <int... I>
__device__ __forceinline__ std::uint32_t bookOf(int code, std::integer_sequence<int, I...>) {
    std::uint32_t v = 0;
    const auto choose = [&](int i, float value) {
        if (code == i) v = __bfloat16_as_ushort(__float2bfloat16_rn(value));
    };
    (choose(I, Book<I>::kValue), ...);
    return v;
}
// A warp fills the lines of a high nibble, which is the even element.
template <int... I>
__device__ __forceinline__ void fillLines(unsigned char* lines, std::uint32_t even,
                                          std::integer_sequence<int, I...>) {
    const auto store = [&](int i, float value) {
        *reinterpret_cast<std::uint32_t*>(lines + i * 256) =
            even | static_cast<std::uint32_t>(__bfloat16_as_ushort(__float2bfloat16_rn(value))) << 16;
    };
    (store(I, Book<I>::kValue), ...);
}
template <int Warps>
__device__ __forceinline__ void fillTable(unsigned char* shared) {
    constexpr auto kCodes = std::make_integer_sequence<int, 16>{};
#pragma unroll 1
    for (int high = threadIdx.x >> 5; high < 16; high += Warps)
        fillLines(shared + high * 4096 + (threadIdx.x & 31) * 4, bookOf(high, kCodes), kCodes);
}

// Named barrier 1: of the side rows. The warps that stream only arrive.
template <int Threads>
__device__ __forceinline__ void arriveSides() {
    asm volatile("bar.arrive 1, %0;" ::"n"(Threads) : "memory");
}
template <int Threads>
__device__ __forceinline__ void meetSides() {
    asm volatile("bar.sync 1, %0;" ::"n"(Threads) : "memory");
}

// Up to Rows rows of x; Streaming warps multiply, one more sees to the side rows.
template <int Rows, int Streaming>
__global__ __launch_bounds__((Streaming + 1) * 32, 1) void nf4Kernel(const __grid_constant__ DecodeLaunch a) {
    constexpr int kAll = Streaming + 1, kThreads = kAll * 32;
    extern __shared__ __align__(256) unsigned char dynamic[];
    if (sharedAddress(dynamic) > kTableAt) __trap();
    unsigned char* shared = dynamic + (kTableAt - sharedAddress(dynamic));
    const Share share(a);
    const int warp = threadIdx.x >> 5;
    const bool streams = warp < Streaming;
    const Sides sides(a);
    // Frozen weights do not wait for the previous kernel: all is asked for before anything is waited for.
    if (sides.any(a)) sides.request<kAll>(a, shared + a.at.sides, 0);
    requestScales<kAll>(a, share, shared);
    Range range;
    if (streams) range.begin(a, share, warp);
    if (a.hiddenStride > 0)
        for (int tile = warp; tile < share.tiles; tile += kAll)
            TileEnd<Rows>::prefetch(a, share.first + tile);
    const NormWeights norm(a, kAll);
    fillTable<kAll>(shared);
    previousDone();
    allowNext();
    stageNf4Input<kAll>(a, shared, norm);
    auto* hidden = reinterpret_cast<Bf16*>(shared + a.at.hidden);
    auto* sums = reinterpret_cast<float*>(shared + a.at.sums);
#pragma unroll 1
    for (int first = 0; sides.any(a, first); first += a.sideRoom) {
        if (first > 0) {  // more than there is room for
            __syncthreads();
            sides.request<kAll>(a, shared + a.at.sides, first);
            awaitCopies();
            __syncthreads();
        }
        sides.multiplySlices<(Rows > 8), kAll>(a, sharedAddress(shared + a.at.input),
                                               sharedAddress(shared + a.at.sides), sums);
        if (streams) {
            arriveSides<kThreads>();
        } else {
            meetSides<kThreads>();
            sides.finish<(Rows > 8)>(a, first, sums);
        }
    }
    if (streams) {
        Sums<Rows> mine(shared + a.at.input, a.inputRowBytes, static_cast<int>(a.linear.batch));
        range.run(a, share, shared, mine);
#pragma unroll 1
        for (int next = warp + Streaming; next < kRanges; next += Streaming) {
            range.begin(a, share, next);
            range.run(a, share, shared, mine);
        }
    } else if (a.hiddenStride > 0) {
        if (sides.any(a) && (threadIdx.x & 31) == 0) {
            __threadfence();
            atomicAdd(a.linear.arrived, 1u);
        }
        fetchHidden(a, hidden);
    }
    TileEnd<Rows> end;
    if (warp < share.tiles) end.prepare(a, share.first + warp);
    __syncthreads();
#pragma unroll 1
    for (int tile = warp; tile < share.tiles; tile += kAll) {
        if (tile != warp) end.prepare(a, share.first + tile);
        end.finish(a, share, tile, reinterpret_cast<const float*>(shared + a.at.slots), hidden);
    }
}

}  // namespace

std::size_t nf4SharedBytes(const DecodeLaunch& launch) {
    return static_cast<std::size_t>(launch.at.total) + kTableAt;
}

int launchNf4(const DecodeLaunch& launch, unsigned blocks, Stream stream) {
    const auto start = [&](auto kernel, int warps) {
        return launchDependent(kernel, blocks, static_cast<unsigned>(warps + 1) * 32, nf4SharedBytes(launch),
                               stream, launch);
    };
    const auto rows = launch.linear.batch;
    if (rows == 1) return start(nf4Kernel<1, kRanges>, kRanges);
    if (rows == 2) return start(nf4Kernel<2, kRanges>, kRanges);
    if (rows <= 4) return start(nf4Kernel<4, kRanges>, kRanges);
    if (rows <= 8) return start(nf4Kernel<8, kRanges>, kRanges);
    return start(nf4Kernel<16, 8>, 8);
}

}  // namespace caravan::kernels::cuda
