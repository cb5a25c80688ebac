// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/split_attention/split_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace caravan::kernels {
namespace {

std::vector<double> rotated(const SplitAttention& a, const float* raw, const void* norm) {
    const std::int64_t half = a.headSize / 2;
    std::vector<double> x(raw, raw + a.headSize), y(x.size());
    if (norm) {
        double squares = 0;
        for (const double value : x)
            squares += value * value;
        const double r =
            1 / std::sqrt(squares / static_cast<double>(a.headSize) + static_cast<double>(a.eps));
        for (std::size_t i = 0; i < x.size(); ++i)
            x[i] *= r * static_cast<double>(static_cast<const float*>(norm)[i]);
    }
    for (std::int64_t i = 0; i < half; ++i) {
        const double c = static_cast<double>(a.cos[*a.position * half + i]),
                     s = static_cast<double>(a.sin[*a.position * half + i]);
        const auto low = static_cast<std::size_t>(i), high = static_cast<std::size_t>(i + half);
        y[low] = x[low] * c - x[high] * s;
        y[high] = x[high] * c + x[low] * s;
    }
    return y;
}

void append(const SplitAttention& a) {
    const auto* qkv = static_cast<const float*>(a.qkv);
    for (std::int64_t head = 0; head < a.kvHeads; ++head) {
        const std::int64_t at = *a.position * a.positionStride + head * a.headStride;
        const std::vector<double> key = rotated(a, qkv + (a.heads + head) * a.headSize, a.keyNorm);
        for (std::int64_t i = 0; i < a.headSize; ++i) {
            static_cast<float*>(a.keys)[at + i] = static_cast<float>(key[static_cast<std::size_t>(i)]);
            static_cast<float*>(a.values)[at + i] = qkv[(a.heads + a.kvHeads + head) * a.headSize + i];
        }
    }
}

}  // namespace

static void attendOne(const SplitAttention& a) {
    append(a);
    const std::int64_t last = *a.position + 1,
                       first = a.window > 0 ? std::max<std::int64_t>(0, last - a.window) : 0;
    for (std::int64_t head = 0; head < a.heads; ++head) {
        const std::vector<double> q =
            rotated(a, static_cast<const float*>(a.qkv) + head * a.headSize, a.queryNorm);
        const std::int64_t base = head / (a.heads / a.kvHeads) * a.headStride;
        std::vector<double> scores, sum(q.size());
        for (std::int64_t p = first; p < last; ++p) {
            double score = 0;
            for (std::size_t i = 0; i < q.size(); ++i)
                score += q[i] * static_cast<double>(static_cast<const float*>(
                                    a.keys)[base + p * a.positionStride + static_cast<std::int64_t>(i)]);
            scores.push_back(score / std::sqrt(static_cast<double>(a.headSize)));
        }
        const double top = *std::max_element(scores.begin(), scores.end());
        double total = 0;
        for (std::int64_t p = first; p < last; ++p) {
            const double weight = std::exp(scores[static_cast<std::size_t>(p - first)] - top);
            total += weight;
            for (std::size_t i = 0; i < q.size(); ++i)
                sum[i] += weight * static_cast<double>(static_cast<const float*>(
                                       a.values)[base + p * a.positionStride + static_cast<std::int64_t>(i)]);
        }
        for (std::size_t i = 0; i < q.size(); ++i)
            static_cast<float*>(a.out)[head * a.headSize + static_cast<std::int64_t>(i)] =
                static_cast<float>(sum[i] / total);
    }
}

void splitAttention(const SplitAttention& a) {
    for (std::int64_t b = 0; b < a.batch; ++b) {
        SplitAttention one = a;
        one.batch = 1;
        one.qkv = static_cast<const float*>(a.qkv) + b * (a.heads + 2 * a.kvHeads) * a.headSize;
        one.position = a.position + b * a.positionStep;
        if (a.keysOf) one.keys = a.keysOf[b], one.values = a.valuesOf[b];
        one.out = static_cast<float*>(a.out) + b * a.heads * a.headSize;
        if (*one.position >= 0) attendOne(one);
    }
}

}  // namespace caravan::kernels
