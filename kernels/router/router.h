// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"
#include "kernels/common/philox.h"

// Top-k routing of [tokens, experts] logits (fp32; fp64 in gradient checks).
namespace caravan::kernels {

constexpr std::int64_t kMaxExperts = 256;

// chosen [tokens, k] by falling logit, ties to the lowest index (a NaN counts as -inf); weights = softmax
// over the chosen.
void topKRows(const float* logits, std::int32_t* chosen, float* weights, std::int64_t experts, std::int64_t k,
              std::int64_t begin, std::int64_t end);
void topKRows(const double* logits, std::int32_t* chosen, double* weights, std::int64_t experts,
              std::int64_t k, std::int64_t begin, std::int64_t end);

// counts [experts], offsets [experts + 1], order [slots]: stable counting sort of the slots (token * k +
// choice) by expert; place [slots]: slot -> sorted position.
void sortByExpert(const std::int32_t* chosen, std::int64_t slots, std::int64_t experts, std::int32_t* counts,
                  std::int32_t* offsets, std::int32_t* order, std::int32_t* place);

// dLogits [tokens, experts] = scattered w (dw - sum w dw), plus coefficient * p_i (f_i - sum_j f_j p_j), p =
// full softmax.
void routeBackwardRows(const float* logits, const std::int32_t* chosen, const float* weights,
                       const float* dWeights, const float* f, double coefficient, float* dLogits,
                       std::int64_t experts, std::int64_t k, std::int64_t begin, std::int64_t end);
void routeBackwardRows(const double* logits, const std::int32_t* chosen, const double* weights,
                       const double* dWeights, const double* f, double coefficient, double* dLogits,
                       std::int64_t experts, std::int64_t k, std::int64_t begin, std::int64_t end);

// Sums over tokens, added to: load [experts, domains, 2 first|all, 2 prompt|answer, 2 count|gate]; perLayer
// [5]: top probability, margin, entropy (nats), logsumexp, tokens; probability [experts].
struct RoutingSums {
    float *load, *perLayer, *probability;
    std::int64_t domains;
};
void accumulateRouting(const float* logits, const std::int32_t* chosen, const float* weights,
                       const std::int32_t* domain, const std::int32_t* role, std::int64_t tokens,
                       std::int64_t experts, std::int64_t k, const RoutingSums& sums);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

int topK(const float* logits, std::int32_t* chosen, float* weights, std::int64_t tokens, std::int64_t experts,
         std::int64_t k, Stream stream);
// The same with the logits as well: x [tokens, width] weight [experts, width]^T, rounded to bf16 as a product
// would store them. bf16, rows 16-byte aligned; routeRowsTake() says whether a shape suits.
struct RouteRows {
    const void *x, *weight;
    std::int64_t xStride;
    float* logits;
    std::int32_t* chosen;
    float* weights;
    std::int64_t tokens, width, experts, k;
};
[[nodiscard]] bool routeRowsTake(std::int64_t width, std::int64_t experts);
int routeRows(const RouteRows& rows, Stream stream);
// Slots a block of the sort handles; scratch holds experts * ceil(slots / kSortSlots) int32.
constexpr std::int64_t kSortSlots = 256;
struct SortBuffers {
    std::int32_t *counts, *offsets, *order, *place, *scratch;
};
int sortByExpert(const std::int32_t* chosen, std::int64_t slots, std::int64_t experts,
                 const SortBuffers& buffers, Stream stream);
struct RouteBackwardArguments {
    const float* logits;
    const std::int32_t* chosen;
    const float *weights, *dWeights, *f;
    double coefficient;
    float* dLogits;
    std::int64_t tokens, experts, k;
    const StepWords* live = nullptr;  // its coefficient holds, and no gradient reaches the rows of padding
};
int routeBackward(const RouteBackwardArguments& arguments, Stream stream);
struct AccumulateArguments {
    const float* logits;
    const std::int32_t* chosen;
    const float* weights;
    const std::int32_t *domain, *role;
    std::int64_t tokens, experts, k;
    RoutingSums sums;
    float* scratch;                   // [4, tokens]
    const StepWords* live = nullptr;  // rows of padding are left out
};
int accumulateRouting(const AccumulateArguments& arguments, Stream stream);

// What a balance term learns of a micro-batch whose rows end in padding: counts [experts] += choices, share =
// counts / live->counted, value += live->valueShare * sum over experts of share * mean full softmax.
struct BalanceArguments {
    const float* logits;
    const std::int32_t* chosen;
    std::int64_t tokens, experts, k;  // tokens: with padding
    const StepWords* live;
    float *counts, *share, *value;
    float* scratch;  // [tokens + experts]
};
int observeBalance(const BalanceArguments& arguments, Stream stream);

}  // namespace caravan::kernels::cuda
