// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "kernels/router/choose.cuh"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 128;

// Without the padding behind them.
template <class Arguments>
__device__ __forceinline__ std::int64_t trueTokens(const Arguments& a) {
    return a.live ? a.live->tokens : a.tokens;
}

// One thread per token.
__global__ void topKKernel(const float* logits, std::int32_t* chosen, float* weights, std::int64_t tokens,
                           int experts, int k) {
    const std::int64_t token = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (token < tokens)
        chooseExperts(logits + token * experts, experts, k, chosen + token * k, weights + token * k);
}

// scratch [blocks, experts]: slots of a block that chose an expert
__global__ void countKernel(const std::int32_t* chosen, std::int64_t slots, int experts,
                            std::int32_t* scratch) {
    __shared__ int counts[kMaxExperts];
    for (int e = threadIdx.x; e < experts; e += kSortSlots)
        counts[e] = 0;
    __syncthreads();
    const std::int64_t slot = blockIdx.x * kSortSlots + threadIdx.x;
    if (slot < slots) atomicAdd(&counts[chosen[slot]], 1);  // integers: any order gives the same sum
    __syncthreads();
    for (int e = threadIdx.x; e < experts; e += kSortSlots)
        scratch[std::int64_t{blockIdx.x} * experts + e] = counts[e];
}

// One block: scratch becomes each block's first position for an expert. A thread has an expert and a share of
// the blocks, experts beside each other. H200, 16,384 tokens: a thread per expert 13.6 us, a warp per expert
// 4.4 (128 experts, top 8: 68 and 133), this 5.0 (22).
constexpr int kScanThreads = 1024, kScanAtOnce = 8;
__global__ void __launch_bounds__(kScanThreads)
    scanKernel(int blocks, int experts, std::int32_t* scratch, std::int32_t* counts, std::int32_t* offsets) {
    __shared__ int sums[kScanThreads], totals[kMaxExperts];  // sums: [shares][experts]
    const int shares = kScanThreads / experts, perShare = (blocks + shares - 1) / shares,
              e = static_cast<int>(threadIdx.x) % experts, share = static_cast<int>(threadIdx.x) / experts,
              begin = share * perShare, end = share < shares ? min(blocks, begin + perShare) : 0,
              lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    // f(block, what it holds), in order, several loads under way
    const auto each = [&](auto&& f) {
        for (int first = begin; first < end; first += kScanAtOnce) {
            int n[kScanAtOnce];
#pragma unroll
            for (int i = 0; i < kScanAtOnce; ++i)
                n[i] = first + i < end ? scratch[std::int64_t{first + i} * experts + e] : 0;
#pragma unroll
            for (int i = 0; i < kScanAtOnce; ++i)
                if (first + i < end) f(first + i, n[i]);
        }
    };
    const auto scan = [&](int value) {  // of the lanes up to this one
#pragma unroll
        for (int offset = 1; offset < 32; offset *= 2) {
            const int before = __shfl_up_sync(0xFFFFFFFFu, value, offset);
            if (lane >= offset) value += before;
        }
        return value;
    };
    int total = 0;
    each([&](int, int n) { total += n; });
    sums[threadIdx.x] = total;
    __syncthreads();
    for (int expert = warp; expert < experts; expert += kScanThreads / 32) {
        int next = 0;  // sums become what the shares before hold
        for (int first = 0; first < shares; first += 32) {
            int* at = sums + (first + lane) * experts + expert;
            const int n = first + lane < shares ? *at : 0, upTo = scan(n);
            if (first + lane < shares) *at = next + upTo - n;
            next += __shfl_sync(0xFFFFFFFFu, upTo, 31);
        }
        if (lane == 0) totals[expert] = next;
    }
    __syncthreads();
    if (warp == 0) {
        int next = 0;
        for (int first = 0; first < experts; first += 32) {
            const int expert = first + lane, n = expert < experts ? totals[expert] : 0, upTo = scan(n);
            if (expert < experts) {
                counts[expert] = n;
                offsets[expert] = totals[expert] = next + upTo - n;
            }
            next += __shfl_sync(0xFFFFFFFFu, upTo, 31);
        }
        if (lane == 0) offsets[experts] = next;
    }
    __syncthreads();
    int next = totals[e] + sums[threadIdx.x];
    each([&](int block, int n) {
        scratch[std::int64_t{block} * experts + e] = next;
        next += n;
    });
}

// Stable rank of a slot among the same expert's slots of its block: lanes before it, then warps before it.
__global__ void placeKernel(const std::int32_t* chosen, std::int64_t slots, int experts,
                            const std::int32_t* scratch, std::int32_t* order, std::int32_t* place) {
    constexpr int kWarps = kSortSlots / 32;
    __shared__ int perWarp[kWarps][kMaxExperts];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    for (int i = threadIdx.x; i < kWarps * kMaxExperts; i += kSortSlots)
        perWarp[i / kMaxExperts][i % kMaxExperts] = 0;
    __syncthreads();
    const std::int64_t slot = blockIdx.x * kSortSlots + threadIdx.x;
    const int expert = slot < slots ? chosen[slot] : -1;
    const unsigned peers = __match_any_sync(0xFFFFFFFFu, expert);
    const int before = __popc(peers & ((1u << lane) - 1u));
    if (expert >= 0 && before == 0) perWarp[warp][expert] = __popc(peers);
    __syncthreads();
    if (expert < 0) return;
    int position = scratch[std::int64_t{blockIdx.x} * experts + expert] + before;
    for (int w = 0; w < warp; ++w)
        position += perWarp[w][expert];
    order[position] = static_cast<std::int32_t>(slot);
    place[slot] = position;
}

__global__ void routeBackwardKernel(RouteBackwardArguments a) {
    const std::int64_t token = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (token >= a.tokens) return;
    const float* z = a.logits + token * a.experts;
    float* dz = a.dLogits + token * a.experts;
    const bool padding = token >= trueTokens(a);
    const double coefficient = a.live ? a.live->coefficient : a.coefficient;
    if (coefficient != 0 && !padding) {
        float top = -INFINITY, sum = 0, mean = 0;
        for (int e = 0; e < a.experts; ++e)
            top = fmaxf(top, z[e]);
        for (int e = 0; e < a.experts; ++e)
            sum += expf(z[e] - top);
        for (int e = 0; e < a.experts; ++e)
            mean += a.f[e] * (expf(z[e] - top) / sum);
        for (int e = 0; e < a.experts; ++e)
            dz[e] = static_cast<float>(coefficient) * (expf(z[e] - top) / sum) * (a.f[e] - mean);
    } else {
        for (int e = 0; e < a.experts; ++e)
            dz[e] = 0;
    }
    if (padding) return;
    const float* w = a.weights + token * a.k;
    const float* dw = a.dWeights + token * a.k;
    float mean = 0;
    for (int slot = 0; slot < a.k; ++slot)
        mean += w[slot] * dw[slot];
    for (int slot = 0; slot < a.k; ++slot)
        dz[a.chosen[token * a.k + slot]] += w[slot] * (dw[slot] - mean);
}

// scratch rows: top probability, margin, entropy, logsumexp of each token
__global__ void tokenStatisticsKernel(AccumulateArguments a) {
    const std::int64_t token = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (token >= trueTokens(a)) return;
    const float* z = a.logits + token * a.experts;
    float top = -INFINITY, sum = 0, best = 0, second = 0, entropy = 0;
    for (int e = 0; e < a.experts; ++e)
        top = fmaxf(top, z[e]);
    for (int e = 0; e < a.experts; ++e)
        sum += expf(z[e] - top);
    for (int e = 0; e < a.experts; ++e) {
        const float p = expf(z[e] - top) / sum;
        if (p > 0) entropy -= p * logf(p);
        second = fmaxf(second, fminf(best, p));
        best = fmaxf(best, p);
    }
    a.scratch[token] = best;
    a.scratch[a.tokens + token] = best - second;
    a.scratch[2 * a.tokens + token] = entropy;
    a.scratch[3 * a.tokens + token] = top + logf(sum);
}

// Blocks 0 .. experts - 1 sum an expert's probability, the next four a token statistic, the last counts the
// tokens.
constexpr int kSumThreads = 1024;
__global__ void __launch_bounds__(kSumThreads) sumStatisticsKernel(AccumulateArguments a) {
    const int which = blockIdx.x, experts = static_cast<int>(a.experts);
    const std::int64_t tokens = trueTokens(a);
    double sum = 0;
#pragma unroll 4  // that many loads under way
    for (std::int64_t t = threadIdx.x; t < tokens; t += kSumThreads) {
        if (which < experts)
            sum += static_cast<double>(expf(a.logits[t * experts + which] - a.scratch[3 * a.tokens + t]));
        else if (which < experts + 4)
            sum += static_cast<double>(a.scratch[(which - experts) * a.tokens + t]);
    }
    sum = blockReduce(sum, 0.0, Plus{});
    if (threadIdx.x != 0) return;
    if (which < experts)
        a.sums.probability[which] += static_cast<float>(sum);
    else
        a.sums.perLayer[which - experts] +=
            which < experts + 4 ? static_cast<float>(sum) : static_cast<float>(tokens);
}

// value added up over the lanes of a group (peers), for its first lane; at most 2^37
__device__ __forceinline__ unsigned long long sumOfPeers(unsigned peers, unsigned long long value) {
    const auto low = static_cast<unsigned>(value & 0xFFFFu), middle = static_cast<unsigned>(value >> 16);
    return __reduce_add_sync(peers, low) +
           (static_cast<unsigned long long>(__reduce_add_sync(peers, middle)) << 16);
}

// Block (x, y): of expert x, share y of the slots; alone it adds to the load, else its sums go to scratch.
// Gate sums in 32.32 fixed point: integer additions commute, so the result does not depend on their order.
// Log, one H200, 16,384 tokens of two choices, 8 experts, unless said. v1, an addition to shared memory per
// slot: 80 us for 12,800 slots. v2, lanes of a warp that add to the same cell add among themselves first: 20
// us there (predicted: 10), 62 here, every warp at the same few 64-bit cells and two trips to memory for each
// 32 slots. v3, a warp has its own cells, reads 256 choices at once and goes on with those of its expert
// alone, 64 at a time (predicted: 5): 16.4; 30.5 if two experts take all, 137 cycles a scheduler for each 32.
// v4, several blocks an expert (predicted: 7 with the sum of their shares): 5.8 + 3.6, of which a launch by
// itself is about 3; the three kernels of accumulateRouting, 81.6 before, take 18.0 behind each other.
constexpr int kMostLoadWarps = 32, kListed = 256, kBatch = 2;
constexpr std::size_t kCellBytes = 8 * sizeof(unsigned long long);  // of a domain
constexpr std::size_t kMostCellBytes = 80 * 1024;

struct LoadPlan {
    int warps, shares;
};
LoadPlan loadPlan(const AccumulateArguments& a) {
    const std::int64_t cells = a.sums.domains * 8,
                       fit = static_cast<std::int64_t>(kMostCellBytes / kCellBytes) / a.sums.domains,
                       room = 2 * a.tokens / (a.experts * cells);  // scratch has 4 tokens floats
    const std::int64_t shares =
        std::max<std::int64_t>(1, std::min({std::int64_t{16}, a.tokens * a.k / 2048, room, 256 / a.experts}));
    const std::int64_t looks = (a.tokens * a.k + kListed * shares - 1) / (kListed * shares),
                       most = std::min({fit, std::max<std::int64_t>(8, kMostLoadWarps / shares), looks});
    return {static_cast<int>(std::max<std::int64_t>(1, most)), static_cast<int>(shares)};
}

// load += counts and gate sums; cell(i) tells the sum of a cell [domains, prompt|answer, first|other,
// count|gate]
template <class Cell>
__device__ __forceinline__ void addToLoad(float* load, int size, Cell&& cell) {
    for (int i = threadIdx.x; i < size; i += blockDim.x) {
        const int what = i % 2, role = i / 2 % 2, all = i / 4 % 2, at = (i / 8 * 2 + role) * 4 + what;
        const unsigned long long sum = cell(at) + (all == 1 ? cell(at + 2) : 0);
        load[i] +=
            what == 0 ? static_cast<float>(sum) : static_cast<float>(static_cast<double>(sum) / 4294967296.0);
    }
}

__global__ void __launch_bounds__(kMostLoadWarps * 32) loadKernel(AccumulateArguments a) {
    extern __shared__ unsigned long long cells[];  // [warps, domains, prompt|answer, first|other, count|gate]
    __shared__ std::uint8_t lists[kMostLoadWarps][kListed];  // of the slots in sight, those of this expert
    constexpr int kSights = kListed / 32;
    const int expert = blockIdx.x, size = static_cast<int>(a.sums.domains) * 8, lane = threadIdx.x & 31,
              warp = threadIdx.x >> 5, warps = blockDim.x >> 5, k = static_cast<int>(a.k);
    for (int i = threadIdx.x; i < warps * size; i += blockDim.x)
        cells[i] = 0;
    __syncthreads();
    unsigned long long* own = cells + warp * size;
    std::uint8_t* list = lists[warp];
    const int slots = static_cast<int>(trueTokens(a) * a.k);
    std::int32_t chosen[kSights];
    const auto look = [&](int first) {
#pragma unroll
        for (int i = 0; i < kSights; ++i) {
            const int slot = first + i * 32 + lane;
            chosen[i] = slot < slots ? a.chosen[slot] : -1;
        }
    };
    const int stride = warps * kListed * static_cast<int>(gridDim.y);
    int first = (static_cast<int>(blockIdx.y) * warps + warp) * kListed;
    look(first);
    for (; first < slots; first += stride) {
        int listed = 0;
#pragma unroll
        for (int i = 0; i < kSights; ++i) {
            const unsigned mine = __ballot_sync(0xFFFFFFFFu, chosen[i] == expert);
            if (chosen[i] == expert)
                list[listed + __popc(mine & ((1u << lane) - 1u))] = static_cast<std::uint8_t>(i * 32 + lane);
            listed += __popc(mine);
        }
        __syncwarp();
        look(first + stride);
        for (int batch = 0; batch < listed; batch += kBatch * 32) {
            int cell[kBatch];  // -1: none
            float weight[kBatch];
#pragma unroll
            for (int i = 0; i < kBatch; ++i) {
                const int at = batch + i * 32 + lane;
                cell[i] = -1;
                if (at >= listed) continue;
                const int slot = first + list[at], token = slot / k;
                cell[i] = (a.domain[token] * 2 + a.role[token]) * 2 + (slot == token * k ? 0 : 1);
                weight[i] = a.weights[slot];
            }
#pragma unroll
            for (int i = 0; i < kBatch; ++i) {
                const unsigned taking = __ballot_sync(0xFFFFFFFFu, cell[i] >= 0);
                if (cell[i] >= 0) {
                    const unsigned peers = __match_any_sync(taking, cell[i]);
                    const unsigned long long gate = sumOfPeers(
                        peers,
                        static_cast<unsigned long long>(static_cast<double>(weight[i]) * 4294967296.0));
                    if (lane == __ffs(static_cast<int>(peers)) - 1) {
                        own[cell[i] * 2] += static_cast<unsigned long long>(__popc(peers));
                        own[cell[i] * 2 + 1] += gate;
                    }
                }
                __syncwarp();
            }
        }
    }
    __syncthreads();
    const auto cell = [&](int at) {
        unsigned long long sum = 0;
        for (int w = 0; w < warps; ++w)
            sum += cells[w * size + at];
        return sum;
    };
    if (gridDim.y == 1) {
        addToLoad(a.sums.load + std::int64_t{expert} * size, size, cell);
        return;
    }
    auto* share = reinterpret_cast<unsigned long long*>(a.scratch) +
                  (std::int64_t{blockIdx.y} * gridDim.x + expert) * size;
    for (int i = threadIdx.x; i < size; i += blockDim.x)
        share[i] = cell(i);
}

// One block per expert: the shares' sums.
constexpr int kShareThreads = 256;
__global__ void addSharesKernel(AccumulateArguments a, int shares) {
    const int size = static_cast<int>(a.sums.domains) * 8;
    const auto* scratch =
        reinterpret_cast<const unsigned long long*>(a.scratch) + std::int64_t{blockIdx.x} * size;
    addToLoad(a.sums.load + std::int64_t{blockIdx.x} * size, size, [&](int at) {
        unsigned long long sum = 0;
#pragma unroll 4
        for (int s = 0; s < shares; ++s)
            sum += scratch[std::int64_t{s} * gridDim.x * size + at];
        return sum;
    });
}

}  // namespace

int topK(const float* logits, std::int32_t* chosen, float* weights, std::int64_t tokens, std::int64_t experts,
         std::int64_t k, Stream stream) {
    if (tokens == 0) return 0;
    topKKernel<<<blocksFor(tokens, kThreads), kThreads, 0, stream>>>(
        logits, chosen, weights, tokens, static_cast<int>(experts), static_cast<int>(k));
    return launched();
}

int sortByExpert(const std::int32_t* chosen, std::int64_t slots, std::int64_t experts, const SortBuffers& b,
                 Stream stream) {
    if (slots <= kFewSlots) return sortFew(chosen, slots, experts, b, stream);
    const unsigned blocks = blocksFor(slots, kSortSlots);
    const int n = static_cast<int>(experts);
    if (blocks > 0) countKernel<<<blocks, kSortSlots, 0, stream>>>(chosen, slots, n, b.scratch);
    scanKernel<<<1, kScanThreads, 0, stream>>>(static_cast<int>(blocks), n, b.scratch, b.counts, b.offsets);
    if (blocks > 0)
        placeKernel<<<blocks, kSortSlots, 0, stream>>>(chosen, slots, n, b.scratch, b.order, b.place);
    return launched();
}

int routeBackward(const RouteBackwardArguments& arguments, Stream stream) {
    if (arguments.tokens == 0) return 0;
    routeBackwardKernel<<<blocksFor(arguments.tokens, kThreads), kThreads, 0, stream>>>(arguments);
    return launched();
}

int accumulateRouting(const AccumulateArguments& arguments, Stream stream) {
    if (arguments.tokens == 0) return 0;
    tokenStatisticsKernel<<<blocksFor(arguments.tokens, kThreads), kThreads, 0, stream>>>(arguments);
    sumStatisticsKernel<<<static_cast<unsigned>(arguments.experts + 5), kSumThreads, 0, stream>>>(arguments);
    static const auto allowed = cudaFuncSetAttribute(loadKernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                     static_cast<int>(kMostCellBytes));
    if (allowed != cudaSuccess) return static_cast<int>(allowed);
    const LoadPlan plan = loadPlan(arguments);
    const auto bytes = static_cast<std::size_t>(plan.warps * arguments.sums.domains) * kCellBytes;
    const auto experts = static_cast<unsigned>(arguments.experts);
    loadKernel<<<dim3(experts, static_cast<unsigned>(plan.shares)), static_cast<unsigned>(plan.warps) * 32,
                 bytes, stream>>>(arguments);
    if (plan.shares > 1) addSharesKernel<<<experts, kShareThreads, 0, stream>>>(arguments, plan.shares);
    return launched();
}

}  // namespace caravan::kernels::cuda
