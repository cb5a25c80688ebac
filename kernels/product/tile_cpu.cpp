// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/product/tile.h"

#include <algorithm>

#include "kernels/common/vector_unit.h"

#if CARAVAN_X86
#include <immintrin.h>
#endif

namespace caravan::kernels {

#if CARAVAN_X86
namespace {

constexpr std::int64_t kAhead = 48 * kPanelColumns;  // of a panel, which comes from the second-level cache

// Six rows of two vectors: twelve sums hide the latency of the multiply-adds, and sixteen registers are
// enough.
template <int Rows>
CARAVAN_AVX2 void tileOf(const Factor<float>* pieces, int count, const Place& at, float* c,
                         std::int64_t stride, bool add) {
    __m256 sums[Rows][2];
#pragma GCC unroll 6
    for (int i = 0; i < Rows; ++i)
        sums[i][0] = sums[i][1] = _mm256_setzero_ps();
    for (int f = 0; f < count; ++f) {
        const Factor<float>& piece = pieces[f];
        const float* right = piece.panels + at.panel * piece.panelStride;
        const float* left = piece.left + at.row * piece.rowStride;
        const float* below = left + 3 * piece.rowStride;  // two bases: fewer address registers
        const std::int64_t rowStride = piece.rowStride, depthStride = piece.depthStride, depth = piece.depth;
#pragma GCC unroll 4
        for (std::int64_t d = 0; d < depth; ++d) {
            const __m256 r0 = _mm256_loadu_ps(right), r1 = _mm256_loadu_ps(right + 8);
#pragma GCC unroll 6
            for (int i = 0; i < Rows; ++i) {
                const __m256 l =
                    _mm256_broadcast_ss(i < 3 ? left + i * rowStride : below + (i - 3) * rowStride);
                sums[i][0] = _mm256_fmadd_ps(l, r0, sums[i][0]);
                sums[i][1] = _mm256_fmadd_ps(l, r1, sums[i][1]);
            }
            _mm_prefetch(reinterpret_cast<const char*>(right + kAhead), _MM_HINT_T0);
            right += kPanelColumns;
            left += depthStride;
            below += depthStride;
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < Rows; ++i) {
        float* to = c + i * stride;
        if (add) {
            sums[i][0] = _mm256_add_ps(sums[i][0], _mm256_loadu_ps(to));
            sums[i][1] = _mm256_add_ps(sums[i][1], _mm256_loadu_ps(to + 8));
        }
        _mm256_storeu_ps(to, sums[i][0]);
        _mm256_storeu_ps(to + 8, sums[i][1]);
    }
}

// to[d][0..8) = from[0..8)[d] for eight d
CARAVAN_AVX2 CARAVAN_INLINE void transposeEight(const float* from, std::int64_t stride, __m256 scale,
                                                float* to) {
    __m256 r[8], t[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i)
        r[i] = _mm256_mul_ps(scale, _mm256_loadu_ps(from + i * stride));
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
        r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
        r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xEE);
        r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
        r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xEE);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        _mm256_storeu_ps(to + i * kPanelColumns, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(to + (i + 4) * kPanelColumns, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

CARAVAN_AVX2 void packTransposed(const PackSource<float>& a, float* to, std::int64_t panel) {
    const __m256 scale = _mm256_set1_ps(a.scale);
    const float* from = a.source + panel * kPanelColumns * a.columnStride;
    for (std::int64_t d = 0; d + 8 <= a.depth; d += 8) {
        transposeEight(from + d, a.columnStride, scale, to + d * kPanelColumns);
        transposeEight(from + 8 * a.columnStride + d, a.columnStride, scale, to + d * kPanelColumns + 8);
    }
    for (std::int64_t d = a.depth / 8 * 8; d < a.depth; ++d)
        for (std::int64_t c = 0; c < kPanelColumns; ++c)
            to[d * kPanelColumns + c] = a.scale * from[c * a.columnStride + d];
}

// Up to four panels together: a row of the source is read on for 256 bytes.
CARAVAN_AVX2 void packCopied(const PackSource<float>& a, float* to, std::int64_t panel, std::int64_t count) {
    const __m256 scale = _mm256_set1_ps(a.scale);
    for (std::int64_t d = 0; d < a.depth; ++d) {
        const float* from = a.source + d * a.depthStride + panel * kPanelColumns;
        for (std::int64_t p = 0; p < count; ++p) {
            float* row = to + (p * a.depth + d) * kPanelColumns;
            _mm256_storeu_ps(row, _mm256_mul_ps(scale, _mm256_loadu_ps(from + p * kPanelColumns)));
            _mm256_storeu_ps(row + 8, _mm256_mul_ps(scale, _mm256_loadu_ps(from + p * kPanelColumns + 8)));
        }
    }
}

}  // namespace

void tilesWide(const Factor<float>* pieces, int count, Place at, std::int64_t rows, float* c,
               std::int64_t stride, bool add) {
    for (; rows >= kTileRows; rows -= kTileRows, at.row += kTileRows, c += kTileRows * stride)
        tileOf<kTileRows>(pieces, count, at, c, stride, add);
    switch (rows) {
        case 5:
            return tileOf<5>(pieces, count, at, c, stride, add);
        case 4:
            return tileOf<4>(pieces, count, at, c, stride, add);
        case 3:
            return tileOf<3>(pieces, count, at, c, stride, add);
        case 2:
            return tileOf<2>(pieces, count, at, c, stride, add);
        case 1:
            return tileOf<1>(pieces, count, at, c, stride, add);
        default:
            return;
    }
}

std::int64_t packWide(const PackSource<float>& a, float* panels, std::int64_t first, std::int64_t last) {
    const std::int64_t whole = std::min(last, a.columns / kPanelColumns);
    const bool copied = a.columnStride == 1;
    if (!copied && a.depthStride != 1) return first;
    while (first < whole) {
        const std::int64_t count = copied ? std::min<std::int64_t>(4, whole - first) : 1;
        float* to = panels + first * a.depth * kPanelColumns;
        if (copied)
            packCopied(a, to, first, count);
        else
            packTransposed(a, to, first);
        first += count;
    }
    return first;
}
#else
void tilesWide(const Factor<float>* pieces, int count, Place at, std::int64_t rows, float* c,
               std::int64_t stride, bool add) {
    tilesAny(pieces, count, at, rows, c, stride, add);
}
std::int64_t packWide(const PackSource<float>& /*a*/, float* /*panels*/, std::int64_t first,
                      std::int64_t /*last*/) {
    return first;
}
#endif

}  // namespace caravan::kernels
