// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/device.cuh"
#include "kernels/router/router.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 128;

// Without the padding behind them.
template <class Arguments>
__device__ __forceinline__ std::int64_t trueTokens(const Arguments& a) {
    return a.live ? a.live->tokens : a.tokens;
}

// One thread per token; the same comparisons as the CPU's, so the same choices.
__global__ void topKKernel(const float* logits, std::int32_t* chosen, float* weights, std::int64_t tokens,
                           int experts, int k) {
    const std::int64_t token = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (token >= tokens) return;
    const float* z = logits + token * experts;
    std::int32_t* picked = chosen + token * k;
    float* w = weights + token * k;
    std::uint32_t taken[kMaxExperts / 32] = {};
    for (int slot = 0; slot < k; ++slot) {
        int best = -1;
        float value = 0;
        for (int e = 0; e < experts; ++e) {
            const float candidate = isnan(z[e]) ? -INFINITY : z[e];
            if (!(taken[e >> 5] >> (e & 31) & 1u) && (best < 0 || candidate > value)) {
                best = e;
                value = candidate;
            }
        }
        taken[best >> 5] |= 1u << (best & 31);
        picked[slot] = best;
        w[slot] = z[best];
    }
    const float top = w[0];
    float sum = 0;
    for (int slot = 0; slot < k; ++slot)
        sum += w[slot] = expf(w[slot] - top);
    for (int slot = 0; slot < k; ++slot)
        w[slot] /= sum;
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

// One block, one thread per expert: scratch becomes each block's first position for an expert.
__global__ void scanKernel(std::int64_t blocks, int experts, std::int32_t* scratch, std::int32_t* counts,
                           std::int32_t* offsets) {
    __shared__ int totals[kMaxExperts + 1];
    const int e = threadIdx.x;
    int total = 0;
    if (e < experts)
        for (std::int64_t b = 0; b < blocks; ++b)
            total += scratch[b * experts + e];
    totals[e] = total;
    __syncthreads();
    if (e == 0) {
        int running = 0;
        for (int i = 0; i < experts; ++i) {
            const int n = totals[i];
            totals[i] = running;
            running += n;
        }
        offsets[experts] = running;
    }
    __syncthreads();
    if (e >= experts) return;
    counts[e] = total;
    offsets[e] = totals[e];
    int next = totals[e];
    for (std::int64_t b = 0; b < blocks; ++b) {
        const int n = scratch[b * experts + e];
        scratch[b * experts + e] = next;
        next += n;
    }
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
__global__ void sumStatisticsKernel(AccumulateArguments a) {
    const int which = blockIdx.x, experts = static_cast<int>(a.experts);
    const std::int64_t tokens = trueTokens(a);
    double sum = 0;
    for (std::int64_t t = threadIdx.x; t < tokens; t += blockDim.x) {
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

// One block per expert. Gate sums in 32.32 fixed point: integer additions commute, so the result does not
// depend on their order. The lanes of a warp that add to the same cell add among themselves first: with an
// addition of each to shared memory the kernel took 80 us for 12,800 slots of 8 experts (H200), so 20
// (predicted: 10).
constexpr int kLoadThreads = 1024;
__global__ void __launch_bounds__(kLoadThreads) loadKernel(AccumulateArguments a) {
    extern __shared__ unsigned long long cells[];  // [domains, first|all, prompt|answer, count|gate]
    const int expert = blockIdx.x, size = static_cast<int>(a.sums.domains) * 8;
    for (int i = threadIdx.x; i < size; i += blockDim.x)
        cells[i] = 0;
    __syncthreads();
    const std::int64_t slots = trueTokens(a) * a.k;
    for (std::int64_t first = 0; first < slots; first += blockDim.x) {
        const std::int64_t slot = first + threadIdx.x;
        const bool mine = slot < slots && a.chosen[slot] == expert;
        const unsigned others = __ballot_sync(0xFFFFFFFFu, mine);
        if (!mine) continue;
        const std::int64_t token = slot / a.k;
        const bool isFirst = slot % a.k == 0;
        const int base = static_cast<int>(a.domain[token]) * 8 + a.role[token] * 2;
        const unsigned peers = __match_any_sync(others, base + (isFirst ? 1 : 0));
        const unsigned long long gate = sumOfPeers(
            peers, static_cast<unsigned long long>(static_cast<double>(a.weights[slot]) * 4294967296.0));
        if ((threadIdx.x & 31) != __ffs(static_cast<int>(peers)) - 1) continue;
        for (int all = isFirst ? 0 : 1; all < 2; ++all) {
            atomicAdd(&cells[base + all * 4], static_cast<unsigned long long>(__popc(peers)));
            atomicAdd(&cells[base + all * 4 + 1], gate);
        }
    }
    __syncthreads();
    float* load = a.sums.load + std::int64_t{expert} * size;
    for (int i = threadIdx.x; i < size; i += blockDim.x)
        load[i] += i % 2 == 0 ? static_cast<float>(cells[i])
                              : static_cast<float>(static_cast<double>(cells[i]) / 4294967296.0);
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
    const unsigned blocks = blocksFor(slots, kSortSlots);
    const int n = static_cast<int>(experts);
    if (blocks > 0) countKernel<<<blocks, kSortSlots, 0, stream>>>(chosen, slots, n, b.scratch);
    scanKernel<<<1, kMaxExperts, 0, stream>>>(blocks, n, b.scratch, b.counts, b.offsets);
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
    sumStatisticsKernel<<<static_cast<unsigned>(arguments.experts + 5), 256, 0, stream>>>(arguments);
    const auto bytes = static_cast<std::size_t>(arguments.sums.domains) * 8 * sizeof(unsigned long long);
    loadKernel<<<static_cast<unsigned>(arguments.experts), kLoadThreads, bytes, stream>>>(arguments);
    return launched();
}

}  // namespace caravan::kernels::cuda
