// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <type_traits>
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
// 14. Shorter way to the first step: places from the host, scales as they lie in memory, the
//    table from constants (predicted: 2 us a launch less; 0.6): 6.7, 11.4, 25.2; 1,835,
//    without LoRA 1,557 (13.: 1,607). 1, 2, 4, 8, 16 rows: 1,835, 2,015, 2,380, 3,620, 7,200.
// Not kept: codes asked for 512 or 1,024 bytes a row ahead in the L2 (8.0, 14.8, 33.3; 2,401 against 11.),
// 256 bytes a sector there (as 11.), 19 and 23 warps with 96 and 80 registers (7.2, 12.7, 28.0; 1,929
// and 8.2, 14.7, 31.3; 2,190 against 13.). Of 14. a step takes 119 places of the shared-memory pipe where 120
// cycles are memory speed; with nothing multiplied 5.4, 9.1, 23.2; 1,668. What is left is a launch: what a
// block does once costs 10 to 20 cycles an instruction.
// 15. A warp's second item asked for only behind the input, so that scales and side rows come sooner
//    (predicted: 50 us of a token less): 7.2, 12.3, 27.5; 1,891. Not kept.
// 16. o, gate and up, and down in one launch (DecodeChain): values are waited for, not counters, and
//    the next one's first codes are under way before (predicted: 290 us of a token less). By themselves the
//    128 linears take 1,741 us, as three launches of this code 1,765, of 14. 1,858: the gain is a third of
//    what was predicted, since a block's own path (end of a tile 2 to 3 us, requests 2 to 3, side rows 1 to
//    2) is what remains, and a trace shows the same between linears of one launch. 6.8, 11.0, 24.3; of 2, 4,
//    8, 16 rows 11008 x 4096 takes 11.5, 12.8, 14.6, 29.1 (13.2, 16.5, 19.5, 39.3 before) since a row's steps
//    are staged three at a time. Among attention and experts the linears lost another 360 us until all
//    kernels asked for the same split of the first cache (keepSplit() in kernels/common/dependent.cuh): a
//    token 2,440.
// Not kept: the chosen experts' weights asked into the L2 cache during down (linears 135 us more, experts 55
// less); one copy of a step's code in the loop instead of two (2,000 by themselves, a token 4,095); a
// linear's launch as code of its own beside the chain's (linears 1,895). Registers matter more than they
// look: with 24 bytes of spills the same code took 1,800 to 1,900.
// Nor kept: the first codes of a block's share of the chain's next linear asked into the L2 by one bulk
// prefetch when its stream ends, or those of a launch's own when it begins (predicted: 250 us of a token
// less). Linears and a token with nothing asked 1,771 and 2,455; next 64 KB a block 1,763 and 2,452, 400 KB
// 1,914 and 2,614; own 64 KB 1,791 and 2,492, own 64 and next 128 KB 1,819 and 2,522. What stands between two
// streams is not the memory, and what is asked for ahead takes its place from what is needed now.
// 17. (here) For one and two rows of x a load takes whole lines of four rows instead of halves of lines of
//    eight (kWholeLines), with the same bits. Found by asking for the same number of bytes in the order of
//    memory (sums wrong: 6.4, 10.0, 22.2 where 16. has 6.8, 11.0, 26.4): 6.6, 10.4, 23.9 of 4096 x 4096,
//    11008 x 4096 and 20480 x 7168; 128 linears 1,769 -> 1,710, a token 2,450 -> 2,400 (2,360 with
//    attention's own change of that day). A split of 57 % makes no difference any more (2,357 beside
//    2,352).
// Not kept, of 16. or 17., in one call each:
// - a quarter of the lookups by byte_perm, masks by sign bytes (predicted: 140 us of a token less): 1,807 and
//   1,775, so that the shared-memory pipe is not what a step waits for;
// - codes through a ring in shared memory by asynchronous copies, 2, 3, 4 steps deep (predicted: 4.2 TB/s
//   between shapes instead of 3.9): 10.6, 11.4, 12.1 and 26.5, 27.3, 28.1; 1,897 to 1,939: the deeper, the
//   later x and the scales come;
// - one row of x in the gaps of the table, 16 to 22 KB less shared memory: no difference;
// - a block's steps dealt to its warps in turn (timed without slots for the sums): 23.6;
// - the warp of the side rows streams a sixteenth range: 1,758, for others wait for what it does besides;
// - four accumulators a step instead of two; the bytes between a lane's rows in a register: no difference.
// - shares of eight rows of the weights instead of sixteen, so that blocks have as much work as each other,
//   half a tile as half a step (predicted: 145 us less of a token of 13B, 310 of 34B): 7.1, 11.5, 29.6;
//   linears 1,788 instead of 1,708, 13B 3,132 instead of 2,889, 34B 7,097 instead of 6,395: what the loop
//   asks at each step costs more than the idle blocks.
// What is left of 10.4 and 23.9: 9.7 and 21.6 with all codes from one place; of the steps' work x costs 0.2
// and 0.1, scales 0.3 and 0.2, half of the lookups 0.4 and 0.2. Loads in the order of memory (two rows of
// 256 bytes) would need eight columns of a product for one row of x, and other sums for more rows.
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

// Named barrier 1: of the side rows. The warps that stream only arrive (but in builds for racecheck, see
// tests/bench/gpu_sanitize.sh).
template <int Threads>
__device__ __forceinline__ void meetSides() {
    asm volatile("bar.sync 1, %0;" ::"n"(Threads) : "memory");
}
template <int Threads>
__device__ __forceinline__ void arriveSides() {
#if defined(CARAVAN_EVERY_LANE_ARRIVES)
    meetSides<Threads>();
#else
    asm volatile("bar.arrive 1, %0;" ::"n"(Threads) : "memory");
#endif
}

// One linear of a launch, by a block of Streaming warps that multiply up to Rows rows of x and one more that
// sees to the side rows.
template <int Rows, int Streaming>
struct Linear {
    static constexpr int kAll = Streaming + 1, kThreads = kAll * 32;
    Range<Rows> range;
    NormWeights norm;

    // Frozen weights do not wait for anybody: all is asked for before anything is waited for.
    __device__ __forceinline__ void request(const DecodeLaunch& a, unsigned char* shared) {
        const Share share(a);
        const int warp = threadIdx.x >> 5;
        const Sides sides(a);
        if (sides.any(a)) sides.request<kAll>(a, shared + a.at.sides, 0);
        requestScales<kAll>(a, share, shared);
        range = Range<Rows>{};  // nothing of the linear before lives on: a kernel with a stack follows others
                                // late
        if (warp < Streaming) range.begin(a, share, warp);
        if (a.hiddenStride > 0)
            for (int tile = warp; tile < share.tiles; tile += kAll)
                TileEnd<Rows>::prefetch(a, share.first + tile);
        norm.request(a, kAll);
    }
    // The input stands. Chained: other blocks wait for the values themselves.
    __device__ __forceinline__ void multiplySides(const DecodeLaunch& a, unsigned char* shared,
                                                  bool chained) const {
        const Sides sides(a);
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
            if (threadIdx.x >> 5 < Streaming) {
                arriveSides<kThreads>();
            } else {
                meetSides<kThreads>();
                sides.finish<(Rows > 8)>(a, first, sums, chained);
            }
        }
    }
    __device__ __forceinline__ void multiply(const DecodeLaunch& a, unsigned char* shared, bool chained) {
        const Share share(a);
        const int warp = threadIdx.x >> 5;
        if (warp < Streaming) {
            Sums<Rows> mine(shared + a.at.input, a.inputRowBytes, static_cast<int>(a.linear.batch));
            range.run(a, share, shared, mine);
            if constexpr (Streaming < kRanges)
#pragma unroll 1
                for (int next = warp + Streaming; next < kRanges; next += Streaming) {
                    range.begin(a, share, next);
                    range.run(a, share, shared, mine);
                }
        } else if (a.hiddenStride > 0) {
            if (!chained) {
                if (Sides(a).any(a) && (threadIdx.x & 31) == 0) {
                    __threadfence();
                    atomicAdd(a.linear.arrived, 1u);
                }
                awaitSides(a);
            }
            fetchHidden(a, reinterpret_cast<Bf16*>(shared + a.at.hidden), chained);
        }
    }
    // Passed: the chain's next linear waits for y.
    __device__ __forceinline__ void finish(const DecodeLaunch& a, unsigned char* shared, bool passed) const {
        const Share share(a);
        const int warp = threadIdx.x >> 5;
        TileEnd<Rows> end{};
        if (warp < share.tiles) end.prepare(a, share.first + warp);
        __syncthreads();
#pragma unroll 1
        for (int tile = warp; tile < share.tiles; tile += kAll) {
            if (tile != warp) end.prepare(a, share.first + tile);
            end.finish(a, share, tile, reinterpret_cast<const float*>(shared + a.at.slots),
                       reinterpret_cast<const Bf16*>(shared + a.at.hidden), passed);
        }
    }
};

// One linear, or a chain of them whose blocks wait for each other's values instead of for a launch. What the
// next one reads of frozen weights is asked for as soon as a warp has no tile to finish. All blocks are
// there at once. No linear of a chain may write where another block still reads: outputs are the chain's own
// until it ends. Each part stands here once: a launch's time is much that of code met for the first time.
struct ChainLaunch {
    DecodeLaunch linears[kDecodeChain];
    int count = 1;
    bool chained = false;
    uint4* cleared = nullptr;
    int clearedEights = 0;  // of 16 bytes
};

template <int Rows, int Streaming>
__global__ __launch_bounds__((Streaming + 1) * 32, 1) void nf4Kernel(const __grid_constant__ ChainLaunch c) {
    constexpr int kAll = Streaming + 1;
    extern __shared__ __align__(256) unsigned char dynamic[];
    if (sharedAddress(dynamic) > kTableAt) __trap();
    unsigned char* shared = dynamic + (kTableAt - sharedAddress(dynamic));
#pragma unroll 1
    for (int i = 0;; ++i) {
        const DecodeLaunch& a = c.linears[i];
        Linear<Rows, Streaming> linear;
        linear.request(a, shared);
        if (i == 0) {
            fillTable<kAll>(shared);
            previousDone();
            allowNext();
            for (int k = static_cast<int>(threadIdx.x * gridDim.x + blockIdx.x); k < c.clearedEights;
                 k += static_cast<int>(gridDim.x * blockDim.x))
                c.cleared[k] = make_uint4(kNotYet, kNotYet, kNotYet, kNotYet);
        }
        stageNf4Input<kAll>(a, shared, linear.norm, i > 0);
        linear.multiplySides(a, shared, c.chained);
        linear.multiply(a, shared, c.chained);
        const bool last = i + 1 == c.count;
        linear.finish(a, shared, !last);
        if (last) return;
    }
}

}  // namespace

std::size_t nf4SharedBytes(const DecodeLaunch& launch) {
    return static_cast<std::size_t>(launch.at.total) + kTableAt;
}

namespace {

// f(rows of x at most, warps that multiply), as constants
template <class F>
int forRows(std::int64_t rows, F&& f) {
    using std::integral_constant;
    const auto with = [&](auto most, auto warps) { return f(most, warps); };
    if (rows == 1) return with(integral_constant<int, 1>{}, integral_constant<int, kRanges>{});
    if (rows == 2) return with(integral_constant<int, 2>{}, integral_constant<int, kRanges>{});
    if (rows <= 4) return with(integral_constant<int, 4>{}, integral_constant<int, kRanges>{});
    if (rows <= 8) return with(integral_constant<int, 8>{}, integral_constant<int, kRanges>{});
    return with(integral_constant<int, 16>{}, integral_constant<int, 8>{});
}

}  // namespace

int launchNf4(const DecodeLaunch* launches, int count, const DecodeChain* chain, unsigned blocks,
              Stream stream) {
    ChainLaunch c;
    c.count = count;
    if (chain) {
        c.chained = true;
        c.cleared = static_cast<uint4*>(chain->cleared);
        c.clearedEights = static_cast<int>(chain->clearedBytes / 16);
    }
    for (int i = 0; i < count; ++i)
        c.linears[i] = launches[i];
    return forRows(launches[0].linear.batch, [&](auto rows, auto warps) {
        return launchDependent(nf4Kernel<rows(), warps()>, blocks, (warps() + 1) * 32,
                               nf4SharedBytes(launches[0]), stream, c);
    });
}

}  // namespace caravan::kernels::cuda
