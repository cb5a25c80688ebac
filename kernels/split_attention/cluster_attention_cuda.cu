// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/cluster.cuh"
#include "kernels/common/dependent.cuh"
#include "kernels/common/mma.cuh"
#include "kernels/split_attention/launches.h"

// The attention of a decoding step on Hopper, bf16, heads of 64 or 128: a cluster of eight blocks cuts
// the positions of a key head among its warps, in tiles of 16 that come to shared memory, the keys
// asked for before the projection has ended; products on the tensor cores, a row for each of up to
// eight query heads that share the keys (weights of the values as two bf16, rows 0 to 7 and 8 to 15).
// The blocks merge their parts through each other's shared memory.
//
// Floor: keys and values, 9.3 MB a layer at 7B and position 570: 2.2 us at 4.3 TB/s, 70 us of a
// token's 32 layers.
// Log, one H200, us of all layers at position 570: 7B (32) by itself and as added to kernels that fill
// the card as the linears do; 34B (60, 56 heads share 8) by itself. Before (split_attention_cuda.cu):
// 255, 285; 1064.
// 1. Clusters, tensor cores (predicted: 145): 190, 219; 284.
// 2. Queries before the values, behind which they waited (predicted: 0.5 us a layer): 181, 238.
// 3. Parts by stores that count at the receiver's barrier, since both ends of the cluster's own
//    had a fence of the whole card: 167, 212; 287. Of 2, 4, 8, 16 sequences of 7B: 324, 555, 1076,
//    2051 (before 424, 662, 1088, 1939).
// 4. (here) Where a head has its own keys, one tile of a warp in shared memory instead of two: 35
//    KB a block, so that all of 7B's blocks are resident within the split that all decoding kernels ask
//    for (predicted: 86 us less): 261 -> 213 at position 512, at 1,024, 2,048, 3,968 365 -> 314, 547 -> 478,
//    849 -> 760. Where query heads share keys 34B has 64 blocks, and one tile is slower: 288 -> 409.
// Left: of 5.5 us a layer 1.3 until all is asked for, 1.4 for the queries, 1.1 a tile, 1.3 for
// merging. With many sequences a block should go on to the next one's tiles while it merges.
namespace caravan::kernels::cuda {
namespace {

constexpr int kBlocks = 8, kWarps = 4, kThreads = kWarps * 32, kTile = 16;

// By one warp, lane's pairs of a head: element lane + 32 j and the one half a head further.
template <int Size>
struct Pairs {
    static constexpr int kCount = Size / 64;
    float low[kCount], high[kCount];

    __device__ __forceinline__ void load(const Bf16* raw) {
#pragma unroll
        for (int j = 0; j < kCount; ++j) {
            low[j] = toFloat(raw[(threadIdx.x & 31) + 32 * j]);
            high[j] = toFloat(raw[(threadIdx.x & 31) + 32 * j + Size / 2]);
        }
    }
    // Norm and rotation, each rounded; cosines and sines in a pair's low and high.
    __device__ __forceinline__ void rotate(const Bf16* norm, float eps, const Pairs& angles, Bf16* to) const {
        float squares = 0;
#pragma unroll
        for (int j = 0; j < kCount; ++j)
            squares += low[j] * low[j] + high[j] * high[j];
        const float r =
            norm ? 1.0f / sqrtf(warpReduce(squares, Plus{}) / static_cast<float>(Size) + eps) : 1.0f;
#pragma unroll
        for (int j = 0; j < kCount; ++j) {
            const int i = (threadIdx.x & 31) + 32 * j;
            const auto normed = [&](float x, int at) {
                return norm ? toFloat(fromFloat<Bf16>(x * r * toFloat(norm[at]))) : x;
            };
            const float u = normed(low[j], i), v = normed(high[j], i + Size / 2);
            to[i] = fromFloat<Bf16>(u * angles.low[j] - v * angles.high[j]);
            to[i + Size / 2] = fromFloat<Bf16>(v * angles.low[j] + u * angles.high[j]);
        }
    }
};

[[maybe_unused]] __device__ __forceinline__ void copyOrZero(Bf16* shared, const Bf16* from, bool valid) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(
                     static_cast<std::uint32_t>(__cvta_generic_to_shared(shared))),
                 "l"(from), "r"(valid ? 16 : 0)
                 : "memory");
}

// Tiles of a warp in shared memory, for so many query heads of a block.
template <int Heads>
constexpr int kSlotsFor = Heads == 1 ? 1 : 2;
template <int Size>
constexpr int kStride = Size + 8;  // of a position in shared memory: eight rows lie in different banks
template <int Size>
constexpr int kTileValues = kTile* kStride<Size>;
template <int Size, int Heads>
constexpr std::size_t kShared = sizeof(Bf16) * kWarps* kSlotsFor<Heads> * 2 * kTileValues<Size>;

// What a warp has seen of its positions: for row (head) lane / 4 the highest score, the sum of weights and of
// weighted values, columns 8 n + lane % 4 * 2 and the next.
template <int Size>
struct Seen {
    float top = -INFINITY, total = 0, sum[Size / 8][4] = {};

    // A tile's keys and values [16, stride]; positions from `valid` on do not count. query: tiles of 16
    // columns.
    __device__ __forceinline__ void add(const std::uint32_t (&query)[Size / 16][2], const Bf16* keys,
                                        const Bf16* values, int valid, float scale) {
        const int lane = threadIdx.x & 31, t = lane & 3;
        float score[2][4] = {}, more[2][4] = {};
#pragma unroll
        for (int n = 0; n < 2; ++n)
#pragma unroll
            for (int c = 0; c < Size / 32; ++c) {
                std::uint32_t k[4];
                loadMatrices(k, keys + (n * 8 + lane % 8) * kStride<Size> + c * 32 + lane / 8 * 8);
                multiplyTile(score[n], {query[2 * c][0], 0u, query[2 * c][1], 0u}, k[0], k[1]);
                multiplyTile(more[n], {query[2 * c + 1][0], 0u, query[2 * c + 1][1], 0u}, k[2], k[3]);
            }
        float highest = top, s[2][2];
#pragma unroll
        for (int n = 0; n < 2; ++n)
#pragma unroll
            for (int c = 0; c < 2; ++c) {
                s[n][c] = n * 8 + 2 * t + c < valid ? (score[n][c] + more[n][c]) * scale : -INFINITY;
                highest = fmaxf(highest, s[n][c]);
            }
        highest = fmaxf(highest, __shfl_xor_sync(0xFFFFFFFFu, highest, 1));
        highest = fmaxf(highest, __shfl_xor_sync(0xFFFFFFFFu, highest, 2));
        const float before = exp2f(top - highest);
        top = highest;
        total *= before;
#pragma unroll
        for (int n = 0; n < Size / 8; ++n)
#pragma unroll
            for (int c = 0; c < 4; ++c)
                sum[n][c] *= before;
        std::uint32_t weights[4];
#pragma unroll
        for (int n = 0; n < 2; ++n) {
            const float u = exp2f(s[n][0] - highest), v = exp2f(s[n][1] - highest);
            total += u + v;
            weights[2 * n] = packBf16(u, v);
            weights[2 * n + 1] = packBf16(u - toFloat(fromFloat<Bf16>(u)), v - toFloat(fromFloat<Bf16>(v)));
        }
#pragma unroll
        for (int c = 0; c < Size / 16; ++c) {
            std::uint32_t v[4];
            loadMatricesTransposed(v, values + lane % 16 * kStride<Size> + c * 16 + lane / 16 * 8);
            multiplyTile(sum[2 * c], weights, v[0], v[1]);
            multiplyTile(sum[2 * c + 1], weights, v[2], v[3]);
        }
    }
};

struct Merged {
    float top = -INFINITY, total = 0, sum = 0;
};
// A head's parts in their order; top, total and value give those of part i.
template <int Parts, class Top, class Total, class Value>
__device__ __forceinline__ Merged merge(Top top, Total total, Value value) {
    Merged all;
#pragma unroll
    for (int i = 0; i < Parts; ++i)
        all.top = fmaxf(all.top, top(i));
#pragma unroll
    for (int i = 0; i < Parts; ++i) {
        const float factor = total(i) > 0 ? exp2f(top(i) - all.top) : 0.0f;
        all.total += total(i) * factor;
        all.sum += value(i) * factor;
    }
    return all;
}

// Heads: query heads of a block at most, 1 or 8.
template <int Size, int Heads, bool Many>
__global__ __launch_bounds__(kThreads, 3) void clusterKernel(const __grid_constant__ SplitAttention a) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    constexpr int kSlots = kSlotsFor<Heads>, kShareSize = Size / kBlocks,
                  kItems = (Heads + 1 + kWarps) / kWarps;
    extern __shared__ __align__(16) unsigned char shared[];
    __shared__ __align__(16) Bf16 query[Heads][Size], newKey[Size], newValue[Size];
    __shared__ float tops[kWarps][Heads], totals[kWarps][Heads];
    __shared__ float parts[kBlocks][Heads][kShareSize], partTops[kBlocks][Heads], partTotals[kBlocks][Heads];
    __shared__ Barrier arrivals;
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
    const int rank = static_cast<int>(blockIdx.x);
    int perKey = 1, kvHead = static_cast<int>(blockIdx.y), inKey = 0;
    if constexpr (Heads > 1) {
        perKey = static_cast<int>(a.heads) / static_cast<int>(a.kvHeads);
        const int group = kvHead, groups = (perKey + Heads - 1) / Heads;
        kvHead = group / groups, inKey = (group - kvHead * groups) * Heads;
    }
    const int heads = Heads > 1 ? min(Heads, perKey - inKey) : 1;
    const std::int64_t head = std::int64_t{kvHead} * perKey + inKey;
    const std::int64_t b = Many ? blockIdx.z : 0;

    const std::int64_t position = a.position[b * a.positionStep];
    if (Many && position < 0) {  // a place without a sequence
        previousDone();
        allowNext();
        return;
    }
    if (threadIdx.x == 0) {
        arrivals.init(1);
        arrivals.arriveExpecting(kBlocks * heads * (kShareSize + 2) * 4);
        barriersReady();
    }
    __syncwarp();
    clusterArrive();
    const std::int64_t last = position + 1, from = a.window > 0 && last > a.window ? last - a.window : 0;
    const std::int64_t run = (last - from + kBlocks - 1) / kBlocks, begin = min(from + rank * run, last),
                       end = min(begin + run, last);
    const int count = static_cast<int>(end - begin), old = static_cast<int>(min(end, position) - begin);
    Bf16* keys = static_cast<Bf16*>(Many ? a.keysOf[b] : a.keys) + kvHead * a.headStride;
    Bf16* values = static_cast<Bf16*>(Many ? a.valuesOf[b] : a.values) + kvHead * a.headStride;
    const int tiles = (count + kTile - 1) / kTile,
              mine = tiles > warp ? (tiles - warp + kWarps - 1) / kWarps : 0;
    Bf16* slots = reinterpret_cast<Bf16*>(shared) + warp * kSlots * 2 * kTileValues<Size>;
    // Held positions are older than the previous kernel: the keys of a warp's first tiles are asked for
    // before its end; their values only after the query, which would wait behind them.
    constexpr int kPieces = Size / 8, kRows = 32 / kPieces;
    const int row = lane / kPieces, piece = lane % kPieces * 8;
    const auto requestFrom = [&](const Bf16* held, Bf16* slot, int i) {
        const int first = (warp + i * kWarps) * kTile + row;
        const Bf16* from = held + (begin + first) * a.positionStride + piece;
        Bf16* to = slot + row * kStride<Size> + piece;
#pragma unroll
        for (int j = 0; j < kTile / kRows; ++j) {
            const bool valid = first + j * kRows < old;
            copyOrZero(to + j * kRows * kStride<Size>, valid ? from + j * kRows * a.positionStride : held,
                       valid);
        }
    };
    const auto slotOf = [&](int i) { return slots + i % kSlots * 2 * kTileValues<Size>; };
#pragma unroll 1
    for (int i = 0; i < min(mine, kSlots); ++i)
        requestFrom(keys, slotOf(i), i);
    asm volatile("cp.async.commit_group;" ::: "memory");
    Pairs<Size> angles;
#pragma unroll
    for (int j = 0; j < Pairs<Size>::kCount; ++j) {
        angles.low[j] = a.cos[position * (Size / 2) + lane + 32 * j];
        angles.high[j] = a.sin[position * (Size / 2) + lane + 32 * j];
    }
    previousDone();
    allowNext();

    // Queries, the new key and the new value: a warp takes every fourth, all loads first.
    const bool appends = count > 0 && end == last;
    const Bf16* qkv = static_cast<const Bf16*>(a.qkv) + b * (a.heads + 2 * a.kvHeads) * Size;
    const Bf16 *newKeyFrom = qkv + (a.heads + kvHead) * Size, *newValueFrom = newKeyFrom + a.kvHeads * Size;
    Pairs<Size> raw[kItems];
    const auto items = [&](auto&& f) {
#pragma unroll
        for (int j = 0; j < kItems; ++j)
            if (const int item = warp + j * kWarps; item < heads || (appends && item == heads))
                f(raw[j], item);
    };
    items([&](Pairs<Size>& r, int item) { r.load(item < heads ? qkv + (head + item) * Size : newKeyFrom); });
    const bool takesValue = appends && warp == kWarps - 1 && lane < Size / 8;
    const uint4 value = takesValue ? reinterpret_cast<const uint4*>(newValueFrom)[lane] : uint4{};
#pragma unroll 1
    for (int i = 0; i < kSlots; ++i) {
        if (i < mine) requestFrom(values, slotOf(i) + kTileValues<Size>, i);
        asm volatile("cp.async.commit_group;" ::: "memory");
    }
    items([&](const Pairs<Size>& r, int item) {
        const bool isKey = item == heads;
        r.rotate(static_cast<const Bf16*>(isKey ? a.keyNorm : a.queryNorm), a.eps, angles,
                 isKey ? newKey : query[item < Heads ? item : 0]);
        if (!isKey) return;
        __syncwarp();
        if (inKey == 0 && lane < Size / 8)
            reinterpret_cast<uint4*>(keys + position * a.positionStride)[lane] =
                reinterpret_cast<const uint4*>(newKey)[lane];
    });
    if (takesValue) {
        reinterpret_cast<uint4*>(newValue)[lane] = value;
        if (inKey == 0) reinterpret_cast<uint4*>(values + position * a.positionStride)[lane] = value;
    }
    __syncthreads();
    if (threadIdx.x == 0 && b == 0)
        prefetchShare(a.ahead, a.aheadBytes, blockIdx.y * kBlocks + blockIdx.x, gridDim.y * kBlocks);

    const int g = lane >> 2, t = lane & 3;
    std::uint32_t q[Size / 16][2];
#pragma unroll
    for (int c = 0; c < Size / 16; ++c)
#pragma unroll
        for (int half = 0; half < 2; ++half)
            q[c][half] = g < heads ? *reinterpret_cast<const std::uint32_t*>(
                                         &query[g < Heads ? g : 0][c * 16 + half * 8 + 2 * t])
                                   : 0u;
    Seen<Size> seen;
    const float scale = rsqrtf(static_cast<float>(Size)) * 1.44269504088896f;  // of powers of two
    for (int i = 0; i < mine; ++i) {
        asm volatile("cp.async.wait_group %0;" ::"n"(kSlots - 1) : "memory");
        __syncwarp();
        Bf16* keyTile = slotOf(i);
        Bf16* valueTile = keyTile + kTileValues<Size>;
        const int first = (warp + i * kWarps) * kTile, fresh = old - first;
        if (appends && fresh >= 0 && fresh < kTile) {
            if (lane < Size / 8) {
                reinterpret_cast<uint4*>(keyTile + fresh * kStride<Size>)[lane] =
                    reinterpret_cast<const uint4*>(newKey)[lane];
                reinterpret_cast<uint4*>(valueTile + fresh * kStride<Size>)[lane] =
                    reinterpret_cast<const uint4*>(newValue)[lane];
            }
            __syncwarp();
        }
        seen.add(q, keyTile, valueTile, count - first, scale);
        __syncwarp();
        if (i + kSlots < mine) {
            requestFrom(keys, slotOf(i), i + kSlots);
            requestFrom(values, slotOf(i) + kTileValues<Size>, i + kSlots);
        }
        asm volatile("cp.async.commit_group;" ::: "memory");
    }
    asm volatile("cp.async.wait_all;" ::: "memory");
    __syncwarp();

    // The warps' parts, in the place of their tiles; then the block's, to the blocks that finish them.
    seen.total += __shfl_xor_sync(0xFFFFFFFFu, seen.total, 1);
    seen.total += __shfl_xor_sync(0xFFFFFFFFu, seen.total, 2);
    float* own = reinterpret_cast<float*>(slots);
    if (g < heads) {
#pragma unroll
        for (int n = 0; n < Size / 8; ++n)
            *reinterpret_cast<float2*>(own + g * Size + n * 8 + 2 * t) =
                make_float2(seen.sum[n][0] + seen.sum[n][2], seen.sum[n][1] + seen.sum[n][3]);
        if (t == 0) tops[warp][g] = seen.top, totals[warp][g] = seen.total;
    }
    __syncthreads();
    clusterAwait();  // all blocks have begun
    for (int i = threadIdx.x; i < heads * Size; i += kThreads) {
        const int h = i / Size, c = i % Size;
        const Merged block =
            merge<kWarps>([&](int w) { return tops[w][h]; }, [&](int w) { return totals[w][h]; },
                          [&](int w) {
                              return reinterpret_cast<const float*>(reinterpret_cast<const Bf16*>(shared) +
                                                                    w * kSlots * 2 * kTileValues<Size>)[i];
                          });
        storeInCluster(&parts[rank][h][c % kShareSize], arrivals, c / kShareSize, block.sum);
        if (c < kBlocks) {
            storeInCluster(&partTops[rank][h], arrivals, c, block.top);
            storeInCluster(&partTotals[rank][h], arrivals, c, block.total);
        }
    }
    arrivals.wait(0);
    for (int i = threadIdx.x; i < heads * kShareSize; i += kThreads) {
        const int h = i / kShareSize, c = i % kShareSize;
        const Merged all =
            merge<kBlocks>([&](int r) { return partTops[r][h]; }, [&](int r) { return partTotals[r][h]; },
                           [&](int r) { return parts[r][h][c]; });
        static_cast<Bf16*>(a.out)[(b * a.heads + head + h) * Size + rank * kShareSize + c] =
            fromFloat<Bf16>(all.sum / all.total);
    }
#else
    __trap();
#endif
}

template <int Size, int Heads>
int launchFor(const SplitAttention& a, Stream stream) {
    const std::int64_t perKey = a.heads / a.kvHeads;
    const dim3 grid(kBlocks, static_cast<unsigned>(a.kvHeads * ((perKey + Heads - 1) / Heads)),
                    static_cast<unsigned>(a.batch));
    return a.keysOf ? launchCluster(clusterKernel<Size, Heads, true>, grid, kBlocks, kThreads,
                                    kShared<Size, Heads>, stream, a)
                    : launchCluster(clusterKernel<Size, Heads, false>, grid, kBlocks, kThreads,
                                    kShared<Size, Heads>, stream, a);
}

}  // namespace

bool suitsClusters(Element element, const SplitAttention& a) {
    return a.hopper && deviceTraits().major == 9 && element == Element::BF16 &&
           (a.headSize == 128 || a.headSize == 64) && aligned16(a.keys) && aligned16(a.values) &&
           aligned16(a.qkv) && a.positionStride % 8 == 0 && a.headStride % 8 == 0;
}

int launchClusters(const SplitAttention& a, Stream stream) {
    const bool alone = a.heads == a.kvHeads;
    if (a.headSize == 128) return alone ? launchFor<128, 1>(a, stream) : launchFor<128, 8>(a, stream);
    return alone ? launchFor<64, 1>(a, stream) : launchFor<64, 8>(a, stream);
}

}  // namespace caravan::kernels::cuda
