// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/router/router.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace caravan::kernels {
namespace {

template <class T>
void topK(const T* logits, std::int32_t* chosen, T* weights, std::int64_t experts, std::int64_t k,
          std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
        const T* z = logits + row * experts;
        std::int32_t* picked = chosen + row * k;
        T* w = weights + row * k;
        bool taken[kMaxExperts] = {};
        for (std::int64_t slot = 0; slot < k; ++slot) {
            std::int64_t best = -1;
            T value = 0;
            for (std::int64_t e = 0; e < experts; ++e) {
                const T candidate = std::isnan(z[e]) ? -std::numeric_limits<T>::infinity() : z[e];
                if (!taken[e] && (best < 0 || candidate > value)) {
                    best = e;
                    value = candidate;
                }
            }
            taken[best] = true;
            picked[slot] = static_cast<std::int32_t>(best);
            w[slot] = z[best];
        }
        const T top = w[0];
        T sum = 0;
        for (std::int64_t slot = 0; slot < k; ++slot)
            sum += w[slot] = std::exp(w[slot] - top);
        for (std::int64_t slot = 0; slot < k; ++slot)
            w[slot] /= sum;
    }
}

// Full softmax of one row; returns logsumexp.
template <class T>
T softmax(const T* z, std::int64_t n, T* p) {
    const T top = *std::max_element(z, z + n);
    T sum = 0;
    for (std::int64_t i = 0; i < n; ++i)
        sum += p[i] = std::exp(z[i] - top);
    for (std::int64_t i = 0; i < n; ++i)
        p[i] /= sum;
    return top + std::log(sum);
}

template <class T>
void backward(const T* logits, const std::int32_t* chosen, const T* weights, const T* dWeights, const T* f,
              double coefficient, T* dLogits, std::int64_t experts, std::int64_t k, std::int64_t begin,
              std::int64_t end) {
    T p[kMaxExperts];
    for (std::int64_t row = begin; row < end; ++row) {
        T* dz = dLogits + row * experts;
        std::fill(dz, dz + experts, T(0));
        if (coefficient != 0) {
            softmax(logits + row * experts, experts, p);
            T mean = 0;
            for (std::int64_t e = 0; e < experts; ++e)
                mean += f[e] * p[e];
            for (std::int64_t e = 0; e < experts; ++e)
                dz[e] = static_cast<T>(coefficient) * p[e] * (f[e] - mean);
        }
        const T* w = weights + row * k;
        const T* dw = dWeights + row * k;
        T mean = 0;
        for (std::int64_t slot = 0; slot < k; ++slot)
            mean += w[slot] * dw[slot];
        for (std::int64_t slot = 0; slot < k; ++slot)
            dz[chosen[row * k + slot]] += w[slot] * (dw[slot] - mean);
    }
}

}  // namespace

void topKRows(const float* logits, std::int32_t* chosen, float* weights, std::int64_t experts, std::int64_t k,
              std::int64_t begin, std::int64_t end) {
    topK(logits, chosen, weights, experts, k, begin, end);
}
void topKRows(const double* logits, std::int32_t* chosen, double* weights, std::int64_t experts,
              std::int64_t k, std::int64_t begin, std::int64_t end) {
    topK(logits, chosen, weights, experts, k, begin, end);
}
void routeBackwardRows(const float* logits, const std::int32_t* chosen, const float* weights,
                       const float* dWeights, const float* f, double coefficient, float* dLogits,
                       std::int64_t experts, std::int64_t k, std::int64_t begin, std::int64_t end) {
    backward(logits, chosen, weights, dWeights, f, coefficient, dLogits, experts, k, begin, end);
}
void routeBackwardRows(const double* logits, const std::int32_t* chosen, const double* weights,
                       const double* dWeights, const double* f, double coefficient, double* dLogits,
                       std::int64_t experts, std::int64_t k, std::int64_t begin, std::int64_t end) {
    backward(logits, chosen, weights, dWeights, f, coefficient, dLogits, experts, k, begin, end);
}

void sortByExpert(const std::int32_t* chosen, std::int64_t slots, std::int64_t experts, std::int32_t* counts,
                  std::int32_t* offsets, std::int32_t* order, std::int32_t* place) {
    std::fill(counts, counts + experts, 0);
    for (std::int64_t i = 0; i < slots; ++i)
        ++counts[chosen[i]];
    offsets[0] = 0;
    for (std::int64_t e = 0; e < experts; ++e)
        offsets[e + 1] = offsets[e] + counts[e];
    std::vector<std::int32_t> next(offsets, offsets + experts);
    for (std::int64_t i = 0; i < slots; ++i) {
        const std::int32_t at = next[static_cast<std::size_t>(chosen[i])]++;
        order[at] = static_cast<std::int32_t>(i);
        place[i] = at;
    }
}

void accumulateRouting(const float* logits, const std::int32_t* chosen, const float* weights,
                       const std::int32_t* domain, const std::int32_t* role, std::int64_t tokens,
                       std::int64_t experts, std::int64_t k, const RoutingSums& sums) {
    float p[kMaxExperts];
    double layer[5] = {}, probability[kMaxExperts] = {};
    const auto add = [&](std::int32_t expert, std::int64_t t, int all, float gate) {
        float* cell = sums.load + (((expert * sums.domains + domain[t]) * 2 + all) * 2 + role[t]) * 2;
        cell[0] += 1;
        cell[1] += gate;
    };
    for (std::int64_t t = 0; t < tokens; ++t) {
        layer[3] += softmax(logits + t * experts, experts, p);
        double entropy = 0;
        float best = 0, second = 0;
        for (std::int64_t e = 0; e < experts; ++e) {
            probability[e] += p[e];
            if (p[e] > 0) entropy -= static_cast<double>(p[e]) * std::log(p[e]);
            second = std::max(second, std::min(best, p[e]));
            best = std::max(best, p[e]);
        }
        layer[0] += best;
        layer[1] += best - second;
        layer[2] += entropy;
        add(chosen[t * k], t, 0, weights[t * k]);
        for (std::int64_t slot = 0; slot < k; ++slot)
            add(chosen[t * k + slot], t, 1, weights[t * k + slot]);
    }
    layer[4] = static_cast<double>(tokens);
    for (int i = 0; i < 5; ++i)
        sums.perLayer[i] += static_cast<float>(layer[i]);
    for (std::int64_t e = 0; e < experts; ++e)
        sums.probability[e] += static_cast<float>(probability[e]);
}

}  // namespace caravan::kernels
