// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/gemv/gemv.h"

#include "kernels/common/math.h"
#include "kernels/common/vector_unit.h"

#if CARAVAN_X86
#include <immintrin.h>
#endif

namespace caravan::kernels {
namespace {

constexpr std::int64_t kTogether =
    4;  // rows: eight sums, two of the weight and the products fit 16 registers

template <class T, class Store>
CARAVAN_INLINE void gemv(const T* x, const T* weight, const GemvShape& shape, std::int64_t begin,
                         std::int64_t end, Store&& store) {
    for (std::int64_t o = begin; o < end; ++o) {
        const T* w = weight + o * shape.inner;
        for (std::int64_t row = 0; row < shape.rows; ++row) {
            const T* in = x + row * shape.inner;
            store(row, o, laneSum<T>(shape.inner, [&](std::int64_t i) { return w[i] * in[i]; }));
        }
    }
}

template <class T>
CARAVAN_INLINE std::int64_t strideOf(const GemvShape& shape) {
    return shape.stride > 0 ? shape.stride : shape.outer;
}

#if CARAVAN_X86
// The tree of laneSum over sixteen lanes in two vectors.
CARAVAN_AVX2 CARAVAN_INLINE float treeSum(__m256 low, __m256 high) {
    const __m256 eight = _mm256_add_ps(low, high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

// Eight lanes of <w, x> for rows of x and outputs of w, both `inner` apart: those from `first` on, 0 or 8.
template <int Rows, int Outputs>
CARAVAN_AVX2 CARAVAN_INLINE void halfOfDots(const float* x, const float* w, std::int64_t inner,
                                            std::int64_t first, __m256 (&sums)[Rows][Outputs]) {
#pragma GCC unroll 4
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 3
        for (int o = 0; o < Outputs; ++o)
            sums[r][o] = _mm256_setzero_ps();
    for (std::int64_t i = first; i + 16 <= inner + first; i += 16) {
        __m256 weight[Outputs];
#pragma GCC unroll 3
        for (int o = 0; o < Outputs; ++o)
            weight[o] = _mm256_loadu_ps(w + o * inner + i);
#pragma GCC unroll 4
        for (int r = 0; r < Rows; ++r) {
            const __m256 in = _mm256_loadu_ps(x + r * inner + i);
#pragma GCC unroll 3
            for (int o = 0; o < Outputs; ++o)
                sums[r][o] = _mm256_fmadd_ps(weight[o], in, sums[r][o]);
        }
    }
}

// What is left behind the last sixteen, then the tree.
CARAVAN_AVX2 CARAVAN_INLINE float finished(__m256 low, __m256 high, const float* x, const float* w,
                                           std::int64_t inner) {
    const std::int64_t i = inner / 16 * 16;
    if (i < inner) {
        float lanes[16];
        _mm256_storeu_ps(lanes, low);
        _mm256_storeu_ps(lanes + 8, high);
        for (std::int64_t j = i; j < inner; ++j)
            lanes[j - i] = __builtin_fmaf(w[j], x[j], lanes[j - i]);
        low = _mm256_loadu_ps(lanes);
        high = _mm256_loadu_ps(lanes + 8);
    }
    return treeSum(low, high);
}

// Rows times outputs at once; twelve sums and three weights leave a register for x. The halves one after the
// other: the second finds its weights in the first-level cache.
template <int Rows, int Outputs, class Store>
CARAVAN_AVX2 CARAVAN_INLINE void block(const float* x, const float* w, std::int64_t inner, Store&& store) {
    __m256 low[Rows][Outputs], high[Rows][Outputs];
    halfOfDots(x, w, inner, 0, low);
    halfOfDots(x, w, inner, 8, high);
    for (int r = 0; r < Rows; ++r)
        for (int o = 0; o < Outputs; ++o)
            store(r, o, finished(low[r][o], high[r][o], x + r * inner, w + o * inner, inner));
}

// One row: the weights come from memory, in order.
CARAVAN_AVX2 CARAVAN_INLINE float dot(const float* x, const float* w, std::int64_t inner) {
    __m256 low = _mm256_setzero_ps(), high = _mm256_setzero_ps();
    for (std::int64_t i = 0; i + 16 <= inner; i += 16) {
        low = _mm256_fmadd_ps(_mm256_loadu_ps(w + i), _mm256_loadu_ps(x + i), low);
        high = _mm256_fmadd_ps(_mm256_loadu_ps(w + i + 8), _mm256_loadu_ps(x + i + 8), high);
    }
    return finished(low, high, x, w, inner);
}

// Outputs [o, o + Outputs) of all rows.
template <int Outputs, class Store>
CARAVAN_AVX2 CARAVAN_INLINE void outputs(const float* x, const float* w, const GemvShape& shape,
                                         std::int64_t o, Store&& store) {
    for (std::int64_t row = 0; row < shape.rows; row += kTogether) {
        const float* in = x + row * shape.inner;
        const auto put = [&](int r, int column, float sum) CARAVAN_AVX2 { store(row + r, o + column, sum); };
        switch (shape.rows - row) {
            case 1:
                block<1, Outputs>(in, w, shape.inner, put);
                break;
            case 2:
                block<2, Outputs>(in, w, shape.inner, put);
                break;
            case 3:
                block<3, Outputs>(in, w, shape.inner, put);
                break;
            default:
                block<4, Outputs>(in, w, shape.inner, put);
        }
    }
}

// GMAC/s of one thread at 384 wide: 13.7 with one row, 36 with sixteen; as the compiler makes it of laneSum,
// which spends more on the tree than on the products, 8.
template <class Store>
CARAVAN_AVX2 CARAVAN_INLINE void gemvInVectors(const float* x, const float* weight, const GemvShape& shape,
                                               std::int64_t begin, std::int64_t end, Store&& store) {
    std::int64_t o = begin;
    if (shape.rows == 1) {
        for (; o < end; ++o)
            store(0, o, dot(x, weight + o * shape.inner, shape.inner));
        return;
    }
    for (; o + 3 <= end; o += 3)
        outputs<3>(x, weight + o * shape.inner, shape, o, store);
    for (; o < end; ++o)
        outputs<1>(x, weight + o * shape.inner, shape, o, store);
}

CARAVAN_AVX2 void vectors(const float* x, const float* weight, float* y, const GemvShape& shape,
                          std::int64_t begin, std::int64_t end) {
    const std::int64_t stride = strideOf<float>(shape);
    gemvInVectors(x, weight, shape, begin, end,
                  [=](std::int64_t row, std::int64_t o, float sum)
                      CARAVAN_AVX2 { y[row * stride + o] = sum; });
}
CARAVAN_AVX2 void addVectors(const float* x, const float* weight, float* y, const GemvShape& shape,
                             float scale, std::int64_t begin, std::int64_t end) {
    const std::int64_t stride = strideOf<float>(shape);
    gemvInVectors(x, weight, shape, begin, end,
                  [=](std::int64_t row, std::int64_t o, float sum)
                      CARAVAN_AVX2 { y[row * stride + o] += scale * sum; });
}
#endif

template <class T>
CARAVAN_INLINE void plain(const T* x, const T* weight, T* y, const GemvShape& shape, std::int64_t begin,
                          std::int64_t end) {
    const std::int64_t stride = strideOf<T>(shape);
    gemv(x, weight, shape, begin, end,
         [=](std::int64_t row, std::int64_t o, T sum) { y[row * stride + o] = sum; });
}
template <class T>
CARAVAN_INLINE void addPlain(const T* x, const T* weight, T* y, const GemvShape& shape, T scale,
                             std::int64_t begin, std::int64_t end) {
    const std::int64_t stride = strideOf<T>(shape);
    gemv(x, weight, shape, begin, end,
         [=](std::int64_t row, std::int64_t o, T sum) { y[row * stride + o] += scale * sum; });
}

}  // namespace

void gemvRows(const float* x, const float* weight, float* y, const GemvShape& shape, std::int64_t begin,
              std::int64_t end) {
#if CARAVAN_X86
    if (hasAvx2()) return vectors(x, weight, y, shape, begin, end);
#endif
    plain(x, weight, y, shape, begin, end);
}
CARAVAN_CLONES void gemvRows(const double* x, const double* weight, double* y, const GemvShape& shape,
                             std::int64_t begin, std::int64_t end) {
    plain(x, weight, y, shape, begin, end);
}
void gemvAddRows(const float* x, const float* weight, float* y, const GemvShape& shape, float scale,
                 std::int64_t begin, std::int64_t end) {
#if CARAVAN_X86
    if (hasAvx2()) return addVectors(x, weight, y, shape, scale, begin, end);
#endif
    addPlain(x, weight, y, shape, scale, begin, end);
}
CARAVAN_CLONES void gemvAddRows(const double* x, const double* weight, double* y, const GemvShape& shape,
                                double scale, std::int64_t begin, std::int64_t end) {
    addPlain(x, weight, y, shape, scale, begin, end);
}

}  // namespace caravan::kernels
