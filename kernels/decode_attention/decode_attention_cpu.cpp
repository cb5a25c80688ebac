// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/decode_attention/decode_attention.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/common/math.h"

namespace caravan::kernels {
namespace {

template <class T>
CARAVAN_INLINE void decode(const T* q, const T* keys, const T* values, const std::int32_t* lengths, T* out,
                           const DecodeShape& s, T* scores, std::int64_t begin, std::int64_t end) {
    const T scale = T(1) / std::sqrt(static_cast<T>(s.headSize));
    for (std::int64_t item = begin; item < end; ++item) {
        const std::int64_t row = item / s.heads, head = item % s.heads;
        const std::int64_t base = row * s.rowStride + head / (s.heads / s.kvHeads) * s.headStride;
        const std::int64_t last = lengths[row],
                           first = s.window > 0 ? std::max<std::int64_t>(0, last - s.window) : 0;
        const T* query = q + item * s.headSize;
        T top = -std::numeric_limits<T>::infinity();
        for (std::int64_t p = first; p < last; ++p) {
            const T* key = keys + base + p * s.positionStride;
            scores[p] = scale * laneSum<T>(s.headSize, [&](std::int64_t i) { return query[i] * key[i]; });
            top = std::max(top, scores[p]);
        }
        T* __restrict__ sum = out + item * s.headSize;
        for (std::int64_t i = 0; i < s.headSize; ++i)
            sum[i] = 0;
        T total = 0;
        for (std::int64_t p = first; p < last; ++p) {
            const T* value = values + base + p * s.positionStride;
            const T weight = fastExp(scores[p] - top);
            total += weight;
            for (std::int64_t i = 0; i < s.headSize; ++i)
                sum[i] += weight * value[i];
        }
        for (std::int64_t i = 0; i < s.headSize; ++i)
            sum[i] /= total;
    }
}

CARAVAN_CLONES void run(const float* q, const float* keys, const float* values, const std::int32_t* lengths,
                        float* out, const DecodeShape& shape, float* scores, std::int64_t begin,
                        std::int64_t end) {
    decode(q, keys, values, lengths, out, shape, scores, begin, end);
}

}  // namespace

void decodeAttention(const float* q, const float* keys, const float* values, const std::int32_t* lengths,
                     float* out, const DecodeShape& shape, std::int64_t begin, std::int64_t end) {
    std::vector<float> scores(static_cast<std::size_t>(shape.capacity));
    run(q, keys, values, lengths, out, shape, scores.data(), begin, end);
}
void decodeAttention(const double* q, const double* keys, const double* values, const std::int32_t* lengths,
                     double* out, const DecodeShape& shape, std::int64_t begin, std::int64_t end) {
    std::vector<double> scores(static_cast<std::size_t>(shape.capacity));
    decode(q, keys, values, lengths, out, shape, scores.data(), begin, end);
}

}  // namespace caravan::kernels
