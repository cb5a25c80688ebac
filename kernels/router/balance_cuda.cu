// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/device.cuh"
#include "kernels/router/router.h"

// Two passes over the logits and one block for the end, instead of the eight launches of softmax, mean and
// their sums.
namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 128, kSumThreads = 512;

// scratch [tokens]: log-sum-exp of each token
__global__ void logSumExpKernel(BalanceArguments a) {
    const std::int64_t token = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (token >= a.live->tokens) return;
    const float* z = a.logits + token * a.experts;
    float top = -INFINITY, sum = 0;
    for (int e = 0; e < a.experts; ++e)
        top = fmaxf(top, z[e]);
    for (int e = 0; e < a.experts; ++e)
        sum += expf(z[e] - top);
    a.scratch[token] = top + logf(sum);
}

// One block per expert: its choices and its mean probability (scratch behind the tokens).
__global__ void __launch_bounds__(kSumThreads) shareKernel(BalanceArguments a) {
    const int expert = blockIdx.x;
    const std::int64_t tokens = a.live->tokens;
    double probability = 0;
    int count = 0;
    for (std::int64_t t = threadIdx.x; t < tokens; t += kSumThreads) {
        probability += static_cast<double>(expf(a.logits[t * a.experts + expert] - a.scratch[t]));
        for (std::int64_t slot = 0; slot < a.k; ++slot)
            count += a.chosen[t * a.k + slot] == expert ? 1 : 0;
    }
    probability = blockReduce(probability, 0.0, Plus{});
    count = blockReduce(count, 0, Plus{});
    if (threadIdx.x != 0) return;
    const float counted = a.counts[expert] + static_cast<float>(count);
    a.counts[expert] = counted;
    a.share[expert] = static_cast<float>(static_cast<double>(counted) / a.live->counted);
    a.scratch[a.tokens + expert] = static_cast<float>(probability / static_cast<double>(tokens));
}

__global__ void valueKernel(BalanceArguments a) {
    float sum = 0;
    for (int e = threadIdx.x; e < a.experts; e += 32)
        sum += a.share[e] * a.scratch[a.tokens + e];
    sum = warpReduce(sum, Plus{});
    if (threadIdx.x == 0) *a.value += static_cast<float>(a.live->valueShare * static_cast<double>(sum));
}

}  // namespace

int observeBalance(const BalanceArguments& a, Stream stream) {
    if (a.tokens == 0) return 0;
    logSumExpKernel<<<blocksFor(a.tokens, kThreads), kThreads, 0, stream>>>(a);
    shareKernel<<<static_cast<unsigned>(a.experts), kSumThreads, 0, stream>>>(a);
    valueKernel<<<1, 32, 0, stream>>>(a);
    return launched();
}

}  // namespace caravan::kernels::cuda
