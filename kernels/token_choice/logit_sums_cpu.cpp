// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/token_choice/logit_sums.h"

#include <algorithm>
#include <limits>

#include "kernels/common/math.h"

namespace caravan::kernels {
namespace {

constexpr int kLanes = 16;
constexpr float kLargest = std::numeric_limits<float>::max(), kNone = -std::numeric_limits<float>::infinity();

CARAVAN_INLINE float finiteOr(float x, float other) {
    return std::fabs(x) <= kLargest ? x : other;
}

CARAVAN_INLINE float topOf(const float* x, std::int64_t n) {
    float lanes[kLanes];
    for (float& lane : lanes)
        lane = kNone;
    const auto take = [](float& lane, float value) {
        const float v = finiteOr(value, kNone);
        lane = v > lane ? v : lane;
    };
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
        for (int l = 0; l < kLanes; ++l)
            take(lanes[l], x[i + l]);
    for (; i < n; ++i)
        take(lanes[0], x[i]);
    float top = lanes[0];
    for (int l = 1; l < kLanes; ++l)
        top = lanes[l] > top ? lanes[l] : top;
    return top;
}

}  // namespace

CARAVAN_CLONES LogitSums logitSums(const float* logits, std::int64_t count) {
    LogitSums result{.top = topOf(logits, count)};
    double sums[kLanes] = {}, weighted[kLanes] = {};
    const float top = result.top;
    const auto take = [&](int l, float value) {
        const float distance = finiteOr(value, top - 100.0f) - top, power = fastExp(distance);
        sums[l] += static_cast<double>(power);
        weighted[l] += static_cast<double>(distance) * static_cast<double>(power);
    };
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes)
        for (int l = 0; l < kLanes; ++l)
            take(l, logits[i + l]);
    for (int l = 0; i < count; ++i, ++l)
        take(l, logits[i]);
    for (int l = 0; l < kLanes; ++l) {
        result.sum += sums[l];
        result.weighted += weighted[l];
    }
    return result;
}

CARAVAN_CLONES std::int64_t logitsAhead(const float* logits, std::int64_t count, std::int64_t id) {
    const float value = logits[id];
    std::int32_t lanes[kLanes] = {};
    std::int64_t ahead = 0, i = 0;
    for (; i + kLanes <= count; i += kLanes)
        for (int l = 0; l < kLanes; ++l)
            lanes[l] += logits[i + l] > value;
    for (; i < count; ++i)
        ahead += logits[i] > value;
    for (const std::int32_t lane : lanes)
        ahead += lane;
    for (std::int64_t j = 0; j < id; ++j)
        ahead += logits[j] == value;
    return ahead;
}

CARAVAN_CLONES std::int64_t nextBlockAbove(const float* logits, std::int64_t count, std::int64_t begin,
                                           float above) {
    for (; begin + kLogitBlock <= count; begin += kLogitBlock) {
        std::int32_t found = 0;
        for (std::int64_t i = 0; i < kLogitBlock; ++i)
            found |= logits[begin + i] > above;
        if (found != 0) return begin;
    }
    return begin;
}

}  // namespace caravan::kernels
