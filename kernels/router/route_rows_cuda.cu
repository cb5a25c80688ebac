// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/dependent.cuh"
#include "kernels/common/mma.cuh"
#include "kernels/router/choose.cuh"

// The router of a pass in two launches: its product with the choice, and the sort of few slots.
//
// Log, one H200, 2,048 tokens of 4,096, 8 experts, top 2, microseconds, traced in a prompt's pass. Floor: x
// once from the L2, 3. Before: the library's product split over the width 7.5, its sum 2.2, widening 3.0,
// choice 2.1, counting, scanning and placing 1.2, 3.4, 1.9, with a microsecond between any two: 29. These two
// (predicted 13): 9 and 6.
namespace caravan::kernels::cuda {
namespace {

constexpr int kTokens = 16;    // of a block
constexpr int kChunk = 32;     // columns of a step of a warp: eight a lane
constexpr int kMostTiles = 4;  // of eight experts
constexpr int kMostWarps = 16;

// Warps share the width. A lane has eight neighbouring columns of token g and of g + 8, and the same columns
// of expert g: which of the product's inner indices they are does not matter.
template <int Tiles>
__global__ void __launch_bounds__(32 * kMostWarps) routeRowsKernel(const __grid_constant__ RouteRows a) {
    __shared__ float parts[kMostWarps][kTokens][8 * Tiles];
    __shared__ float logits[kTokens][8 * Tiles];
    previousDone();
    allowNext();
    const int warps = static_cast<int>(blockDim.x) / 32, warp = threadIdx.x / 32, lane = threadIdx.x & 31,
              g = lane / 4, experts = static_cast<int>(a.experts);
    const std::int64_t first = blockIdx.x * std::int64_t{kTokens}, share = a.width / warps,
                       column = warp * share + lane % 4 * 8;
    const auto row = [&](int i) {
        return static_cast<const Bf16*>(a.x) + min(first + i, a.tokens - 1) * a.xStride + column;
    };
    const Bf16 *upper = row(g), *lower = row(g + 8);
    const Bf16* weight = static_cast<const Bf16*>(a.weight) + g * a.width + column;
    float sum[Tiles][4] = {};
#pragma unroll 4
    for (std::int64_t c = 0; c < share; c += kChunk) {
        const uint4 u = *reinterpret_cast<const uint4*>(upper + c),
                    l = *reinterpret_cast<const uint4*>(lower + c);
#pragma unroll
        for (int t = 0; t < Tiles; ++t) {
            const uint4 w = *reinterpret_cast<const uint4*>(weight + t * 8 * a.width + c);
            const std::uint32_t left[4] = {u.x, l.x, u.y, l.y}, right[4] = {u.z, l.z, u.w, l.w};
            multiplyTile(sum[t], left, w.x, w.y);
            multiplyTile(sum[t], right, w.z, w.w);
        }
    }
#pragma unroll
    for (int t = 0; t < Tiles; ++t)
#pragma unroll
        for (int i = 0; i < 4; ++i)
            parts[warp][g + i / 2 * 8][t * 8 + lane % 4 * 2 + i % 2] = sum[t][i];
    __syncthreads();
    for (int i = threadIdx.x; i < kTokens * experts; i += static_cast<int>(blockDim.x)) {
        const int token = i / experts, e = i % experts;
        float total = 0;
        for (int w = 0; w < warps; ++w)
            total += parts[w][token][e];
        total = toFloat(fromFloat<Bf16>(total));
        logits[token][e] = total;
        if (first + token < a.tokens) a.logits[(first + token) * experts + e] = total;
    }
    __syncthreads();
    const std::int64_t token = first + threadIdx.x;
    if (threadIdx.x < kTokens && token < a.tokens)
        chooseExperts(logits[threadIdx.x], experts, static_cast<int>(a.k), a.chosen + token * a.k,
                      a.weights + token * a.k);
}

int warpsFor(std::int64_t width) {
    for (const int warps : {16, 8, 4})
        if (width % (warps * kChunk) == 0) return warps;
    return 0;
}

// One block; each warp has a run of slots, in their order.
constexpr int kSortThreads = 1024, kSortWarps = kSortThreads / 32;
__global__ void __launch_bounds__(kSortThreads)
    sortFewKernel(const std::int32_t* chosen, int slots, int experts, SortBuffers b) {
    __shared__ int held[kSortWarps][kMaxExperts];  // of an expert in a warp's run; then where the next goes
    __shared__ int totals[kMaxExperts], begins[kMaxExperts];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5,
              run = (slots + kSortThreads - 1) / kSortThreads * 32, from = warp * run,
              to = min(slots, from + run);
    for (int i = threadIdx.x; i < kSortWarps * experts; i += kSortThreads)
        held[i / experts][i % experts] = 0;
    previousDone();
    allowNext();
    __syncthreads();
    // f(slot, expert, slots of this expert ahead of it among the 32) for each; then the counts move on
    const auto each = [&](auto&& f) {
        for (int first = from; first < to; first += 32) {
            const int slot = first + lane, expert = slot < to ? chosen[slot] : -1;
            const unsigned peers = __match_any_sync(0xFFFFFFFFu, expert);
            const int ahead = __popc(peers & ((1u << lane) - 1u));
            if (expert >= 0) f(slot, expert, ahead);
            __syncwarp();
            if (expert >= 0 && ahead == 0) held[warp][expert] += __popc(peers);
            __syncwarp();
        }
    };
    each([](int, int, int) {});
    __syncthreads();
    for (int e = threadIdx.x; e < experts; e += kSortThreads) {
        int next = 0;
        for (int w = 0; w < kSortWarps; ++w) {
            const int n = held[w][e];
            held[w][e] = next;
            next += n;
        }
        totals[e] = next;
    }
    __syncthreads();
    for (int e = threadIdx.x; e < experts; e += kSortThreads) {
        int begin = 0;
        for (int i = 0; i < e; ++i)
            begin += totals[i];
        begins[e] = begin;
        b.counts[e] = totals[e];
        b.offsets[e] = begin;
        if (e + 1 == experts) b.offsets[experts] = begin + totals[e];
    }
    __syncthreads();
    each([&](int slot, int expert, int ahead) {
        const int position = begins[expert] + held[warp][expert] + ahead;
        b.order[position] = slot;
        b.place[slot] = position;
    });
}

}  // namespace

bool routeRowsTake(std::int64_t width, std::int64_t experts) {
    return warpsFor(width) > 0 && experts % 8 == 0 && experts <= 8 * kMostTiles;
}

int routeRows(const RouteRows& a, Stream stream) {
    if (a.tokens == 0) return 0;
    const unsigned blocks = blocksFor(a.tokens, kTokens),
                   threads = 32 * static_cast<unsigned>(warpsFor(a.width));
    switch (a.experts / 8) {
        case 1:
            return launchDependent(routeRowsKernel<1>, blocks, threads, 0, stream, a);
        case 2:
            return launchDependent(routeRowsKernel<2>, blocks, threads, 0, stream, a);
        case 3:
            return launchDependent(routeRowsKernel<3>, blocks, threads, 0, stream, a);
        default:
            return launchDependent(routeRowsKernel<4>, blocks, threads, 0, stream, a);
    }
}

int sortFew(const std::int32_t* chosen, std::int64_t slots, std::int64_t experts, const SortBuffers& buffers,
            Stream stream) {
    return launchDependent(sortFewKernel, dim3(1), kSortThreads, 0, stream, chosen, static_cast<int>(slots),
                           static_cast<int>(experts), buffers);
}

}  // namespace caravan::kernels::cuda
