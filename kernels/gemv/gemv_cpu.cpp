// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/gemv/gemv.h"

#include <type_traits>

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

// One output: sums[r] = <w, row r of x>.
template <int Rows>
CARAVAN_AVX2 CARAVAN_INLINE void dots(const float* x, const float* w, std::int64_t inner, float* sums) {
    __m256 low[Rows], high[Rows];
#pragma GCC unroll 4
    for (int r = 0; r < Rows; ++r)
        low[r] = high[r] = _mm256_setzero_ps();
    for (std::int64_t i = 0; i + 16 <= inner; i += 16) {
        const __m256 w0 = _mm256_loadu_ps(w + i), w1 = _mm256_loadu_ps(w + i + 8);
#pragma GCC unroll 4
        for (int r = 0; r < Rows; ++r) {
            low[r] = _mm256_fmadd_ps(w0, _mm256_loadu_ps(x + r * inner + i), low[r]);
            high[r] = _mm256_fmadd_ps(w1, _mm256_loadu_ps(x + r * inner + i + 8), high[r]);
        }
    }
    for (int r = 0; r < Rows; ++r)
        sums[r] = finished(low[r], high[r], x + r * inner, w, inner);
}

// Eight lanes of three outputs, those from `first` on, 0 or 8. The first pass also asks for the weights of
// the next three outputs, which follow in memory.
template <int Rows>
CARAVAN_AVX2 CARAVAN_INLINE void halfOfDots(const float* x, const float* w, std::int64_t inner,
                                            std::int64_t first, __m256 (&sums)[Rows][3]) {
#pragma GCC unroll 4
    for (int r = 0; r < Rows; ++r)
        sums[r][0] = sums[r][1] = sums[r][2] = _mm256_setzero_ps();
    for (std::int64_t i = first; i + 16 <= inner + first; i += 16) {
        __m256 weight[3];
#pragma GCC unroll 3
        for (int o = 0; o < 3; ++o) {
            weight[o] = _mm256_loadu_ps(w + o * inner + i);
            if (first == 0) _mm_prefetch(reinterpret_cast<const char*>(w + (3 + o) * inner + i), _MM_HINT_T0);
        }
#pragma GCC unroll 4
        for (int r = 0; r < Rows; ++r) {
            const __m256 in = _mm256_loadu_ps(x + r * inner + i);
#pragma GCC unroll 3
            for (int o = 0; o < 3; ++o)
                sums[r][o] = _mm256_fmadd_ps(weight[o], in, sums[r][o]);
        }
    }
}

// Twelve sums and three weights leave a register for x. The halves one after the other: the second finds its
// weights in the first-level cache.
template <int Rows, class Store>
CARAVAN_AVX2 CARAVAN_INLINE void threeOutputs(const float* x, const float* w, std::int64_t inner,
                                              Store&& store) {
    __m256 low[Rows][3], high[Rows][3];
    halfOfDots(x, w, inner, 0, low);
    halfOfDots(x, w, inner, 8, high);
    for (int r = 0; r < Rows; ++r)
        for (int o = 0; o < 3; ++o)
            store(r, o, finished(low[r][o], high[r][o], x + r * inner, w + o * inner, inner));
}

// f(first row, rows) with rows = 1 to 4 as a constant.
template <class F>
CARAVAN_AVX2 CARAVAN_INLINE void byFour(std::int64_t rows, F&& f) {
    for (std::int64_t row = 0; row < rows; row += 4)
        switch (rows - row) {
            case 1:
                f(row, std::integral_constant<int, 1>());
                break;
            case 2:
                f(row, std::integral_constant<int, 2>());
                break;
            case 3:
                f(row, std::integral_constant<int, 3>());
                break;
            default:
                f(row, std::integral_constant<int, 4>());
        }
}

// GMAC/s of one thread over weights that come from memory, 384 wide: 5 with one row, 10 with four, 16 with
// eight; 22 with sixteen, where single outputs give 18 (and three at once only 8 with four rows: memory is
// read best in one stream). As the compiler makes it of laneSum, weights in the cache, 8.
template <class Store>
CARAVAN_AVX2 CARAVAN_INLINE void gemvInVectors(const float* x, const float* weight, const GemvShape& shape,
                                               std::int64_t begin, std::int64_t end, Store&& store) {
    const std::int64_t inner = shape.inner;
    std::int64_t o = begin;
    if (shape.rows > 8)
        for (; o + 3 <= end; o += 3)
            byFour(shape.rows, [&](std::int64_t row, auto rows) CARAVAN_AVX2 {
                threeOutputs<rows()>(x + row * inner, weight + o * inner, inner,
                                     [&](int r, int column, float sum)
                                         CARAVAN_AVX2 { store(row + r, o + column, sum); });
            });
    for (; o < end; ++o)
        byFour(shape.rows, [&](std::int64_t row, auto rows) CARAVAN_AVX2 {
            float sums[rows()];
            dots<rows()>(x + row * inner, weight + o * inner, inner, sums);
            for (int r = 0; r < rows(); ++r)
                store(row + r, o, sums[r]);
        });
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
