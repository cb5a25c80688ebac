// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/dropout/keep.h"

#include <cstring>

#include "kernels/common/vector_unit.h"

#if CARAVAN_X86
#include <immintrin.h>
#endif

namespace caravan::kernels {
namespace {

void keepOfBlock(const DropoutMask& mask, std::uint64_t block, float* keep) {
    const PhiloxBlock words = philox(mask.key, block);
    for (int w = 0; w < 4; ++w) {
        keep[2 * w] = (words.word[w] & 0xFFFFu) >= mask.threshold ? mask.scale : 0.0f;
        keep[2 * w + 1] = (words.word[w] >> 16) >= mask.threshold ? mask.scale : 0.0f;
    }
}

std::uint8_t bitsOfBlock(const float* keep) {
    std::uint8_t bits = 0;
    for (int j = 0; j < 8; ++j)
        bits = static_cast<std::uint8_t>(bits | (keep[j] != 0 ? 1 << j : 0));
    return bits;
}
void keepOfBits(std::uint8_t bits, float scale, float* keep) {
    for (int j = 0; j < 8; ++j)
        keep[j] = (bits >> j & 1) != 0 ? scale : 0.0f;
}

#if CARAVAN_X86
// Ten rounds for four blocks at once. A word lies in the low half of a 64-bit lane; what the upper half
// gathers is never read, because the products take low halves alone.
struct Lanes {
    __m256i c0, c1, c2, c3;
};
struct RoundKeys {
    __m256i k0[10], k1[10];
};

CARAVAN_AVX2 CARAVAN_INLINE void philoxRound(Lanes& x, __m256i k0, __m256i k1) {
    const __m256i p0 = _mm256_mul_epu32(x.c0, _mm256_set1_epi64x(0xD2511F53));
    const __m256i p1 = _mm256_mul_epu32(x.c2, _mm256_set1_epi64x(0xCD9E8D57));
    x.c0 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p1, 32), x.c1), k0);
    x.c2 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p0, 32), x.c3), k1);
    x.c1 = p1;
    x.c3 = p0;
}

CARAVAN_AVX2 CARAVAN_INLINE Lanes counters(const PhiloxKey& key, std::uint64_t block) {
    const __m256i index =
        _mm256_add_epi64(_mm256_set1_epi64x(static_cast<long long>(block)), _mm256_set_epi64x(3, 2, 1, 0));
    return {index, _mm256_srli_epi64(index, 32), _mm256_set1_epi64x(key.counter2),
            _mm256_set1_epi64x(key.counter3)};
}

// Half-words of a block (128 bits) -> eight values; returns which are kept, -1 or 0 each.
CARAVAN_AVX2 CARAVAN_INLINE __m128i store(__m128i halves, __m128i threshold, __m256 scale, float* keep) {
    const __m128i kept = _mm_cmpeq_epi16(_mm_max_epu16(halves, threshold), halves);
    const __m256i wide = _mm256_cvtepi16_epi32(kept);
    _mm256_storeu_ps(keep, _mm256_and_ps(_mm256_castsi256_ps(wide), scale));
    return kept;
}

// Four blocks; their bits, a byte each, in order.
CARAVAN_AVX2 CARAVAN_INLINE std::uint32_t storeBlocks(const Lanes& x, __m128i threshold, __m256 scale,
                                                      float* keep) {
    const __m256i low = _mm256_blend_epi32(x.c0, _mm256_slli_epi64(x.c1, 32), 0xAA);
    const __m256i high = _mm256_blend_epi32(x.c2, _mm256_slli_epi64(x.c3, 32), 0xAA);
    const __m256i even = _mm256_unpacklo_epi64(low, high), odd = _mm256_unpackhi_epi64(low, high);
    const __m128i first = store(_mm256_castsi256_si128(even), threshold, scale, keep);
    const __m128i second = store(_mm256_castsi256_si128(odd), threshold, scale, keep + 8);
    const __m128i third = store(_mm256_extracti128_si256(even, 1), threshold, scale, keep + 16);
    const __m128i fourth = store(_mm256_extracti128_si256(odd, 1), threshold, scale, keep + 24);
    const auto bits = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(first, second)));
    return bits | static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(third, fourth))) << 16;
}

CARAVAN_AVX2 std::int64_t keepByEights(const DropoutMask& mask, std::uint64_t first, std::int64_t blocks,
                                       float* keep, std::uint8_t* bits) {
    RoundKeys keys;
    for (std::uint32_t round = 0; round < 10; ++round) {
        keys.k0[round] = _mm256_set1_epi64x(mask.key.key0 + round * 0x9E3779B9u);
        keys.k1[round] = _mm256_set1_epi64x(mask.key.key1 + round * 0xBB67AE85u);
    }
    const __m128i threshold = _mm_set1_epi16(static_cast<short>(mask.threshold));
    const __m256 scale = _mm256_set1_ps(mask.scale);
    std::int64_t b = 0;
    for (; b + 8 <= blocks; b += 8) {
        const std::uint64_t block = first + static_cast<std::uint64_t>(b);
        Lanes x = counters(mask.key, block), y = counters(mask.key, block + 4);
#pragma GCC unroll 10
        for (int round = 0; round < 10; ++round) {
            philoxRound(x, keys.k0[round], keys.k1[round]);
            philoxRound(y, keys.k0[round], keys.k1[round]);
        }
        const std::uint32_t kept[2] = {storeBlocks(x, threshold, scale, keep + 8 * b),
                                       storeBlocks(y, threshold, scale, keep + 8 * b + 32)};
        if (bits) std::memcpy(bits + b, kept, sizeof kept);
    }
    return b;
}

CARAVAN_AVX2 void keepOfBitsWide(const std::uint8_t* bits, float scale, std::int64_t blocks, float* keep) {
    const __m256i each = _mm256_set_epi32(128, 64, 32, 16, 8, 4, 2, 1);
    const __m256 scales = _mm256_set1_ps(scale);
    for (std::int64_t b = 0; b < blocks; ++b) {
        const __m256i kept = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(bits[b]), each), each);
        _mm256_storeu_ps(keep + 8 * b, _mm256_and_ps(_mm256_castsi256_ps(kept), scales));
    }
}
#endif

}  // namespace

void keepScales(const DropoutMask& mask, std::uint64_t firstBlock, std::int64_t blocks, float* keep,
                std::uint8_t* bits) {
    std::int64_t done = 0;
#if CARAVAN_X86
    if (hasAvx2() && mask.threshold <= 0xFFFFu) done = keepByEights(mask, firstBlock, blocks, keep, bits);
#endif
    for (; done < blocks; ++done) {
        keepOfBlock(mask, firstBlock + static_cast<std::uint64_t>(done), keep + 8 * done);
        if (bits) bits[done] = bitsOfBlock(keep + 8 * done);
    }
}

void keepScalesOfBits(const std::uint8_t* bits, float scale, std::int64_t blocks, float* keep) {
#if CARAVAN_X86
    if (hasAvx2()) {
        keepOfBitsWide(bits, scale, blocks, keep);
        return;
    }
#endif
    for (std::int64_t b = 0; b < blocks; ++b)
        keepOfBits(bits[b], scale, keep + 8 * b);
}

}  // namespace caravan::kernels
