// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/decode_experts/decode_experts.h"

namespace caravan::kernels {

namespace {

void choose(const ExpertChoice& c) {
    std::vector<float> rank(static_cast<std::size_t>(c.experts));
    for (std::int64_t e = 0; e < c.experts; ++e) {
        c.noted[e] = c.logits[e] + (c.bias ? c.bias[e] : 0.0F);
        rank[static_cast<std::size_t>(e)] = c.noted[e] + (c.preference ? c.preference[e] : 0.0F);
    }
    std::vector<bool> used(rank.size());
    std::vector<double> score;
    for (std::int64_t j = 0; j < c.k; ++j) {
        std::int64_t best = -1;
        for (std::int64_t e = 0; e < c.experts; ++e)
            if (!used[static_cast<std::size_t>(e)] &&
                (best < 0 || rank[static_cast<std::size_t>(e)] > rank[static_cast<std::size_t>(best)]))
                best = e;
        used[static_cast<std::size_t>(best)] = true;
        c.chosen[j] = static_cast<std::int32_t>(best);
        score.push_back(
            static_cast<double>(c.noted[best] + (c.preference ? std::min(0.0F, c.preference[best]) : 0.0F)));
    }
    const double top = *std::max_element(score.begin(), score.end());
    double sum = 0;
    for (double& value : score)
        sum += value = std::exp(value - top);
    for (std::int64_t j = 0; j < c.k; ++j)
        c.weights[j] = static_cast<float>(score[static_cast<std::size_t>(j)] / sum);
}

ExpertChoice ofSequence(const ExpertChoice& all, std::int64_t b) {
    ExpertChoice c = all;
    c.batch = 1;
    c.logits += b * c.experts;
    c.noted += b * c.noteStride;
    c.chosen += b * c.noteStride;
    c.weights += b * c.noteStride;
    return c;
}

void downOne(const ExpertChoice& choice, const ExpertShape& s, const float* u, const float* down,
             float* hidden) {
    choose(choice);
    for (std::int64_t j = 0; j < choice.k; ++j)
        for (std::int64_t row = 0; row < s.size; ++row) {
            const float* w = down + (choice.chosen[j] * s.size + row) * s.width;
            double sum = 0;
            for (std::int64_t i = 0; i < s.width; ++i)
                sum += static_cast<double>(w[i]) * static_cast<double>(u[i]);
            hidden[j * s.size + row] = static_cast<float>(0.5 * sum * std::erfc(-sum / std::sqrt(2.0)));
        }
}

void upOne(const ExpertChoice& choice, const ExpertShape& s, const float* u, const float* up,
           const float* hidden, float scaling, const float* residual, float* out) {
    for (std::int64_t row = 0; row < s.width; ++row) {
        double sum = 0;
        for (std::int64_t j = 0; j < choice.k; ++j) {
            const float* w = up + (choice.chosen[j] * s.width + row) * s.size;
            double part = 0;
            for (std::int64_t i = 0; i < s.size; ++i)
                part += static_cast<double>(w[i]) * static_cast<double>(hidden[j * s.size + i]);
            sum += static_cast<double>(choice.weights[j]) * part;
        }
        out[row] = static_cast<float>(static_cast<double>(u[row]) + static_cast<double>(scaling) * sum +
                                      (residual ? static_cast<double>(residual[row]) : 0.0));
    }
}

}  // namespace

void decodeExpertsDown(const ExpertChoice& choice, const ExpertShape& s, const float* u, const float* down,
                       float* hidden) {
    for (std::int64_t b = 0; b < choice.batch; ++b)
        downOne(ofSequence(choice, b), s, u + b * s.width, down, hidden + b * choice.k * s.size);
}

void decodeExpertsUp(const ExpertChoice& choice, const ExpertShape& s, const float* u, const float* up,
                     const float* hidden, float scaling, const float* residual, float* out) {
    for (std::int64_t b = 0; b < choice.batch; ++b)
        upOne(ofSequence(choice, b), s, u + b * s.width, up, hidden + b * choice.k * s.size, scaling,
              residual ? residual + b * s.width : nullptr, out + b * s.width);
}

}  // namespace caravan::kernels
