// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/nf4/nf4.h"

#include <cmath>
#include <cstring>

#include "kernels/common/target.h"
#include "kernels/nf4/dynamic_map.h"
#include "kernels/nf4/tables.h"

namespace caravan::kernels {
namespace {

// Denormals become a zero of the same sign.
CARAVAN_INLINE float flush(float x) {
    return std::fabs(x) < 0x1p-126f ? std::copysign(0.0f, x) : x;
}

CARAVAN_INLINE std::uint32_t bitsOf(float x) {
    std::uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}
CARAVAN_INLINE float fromBits(std::uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

CARAVAN_INLINE std::uint16_t toBf16(float x) {
    const std::uint32_t bits = bitsOf(x);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return 0x7FFF;  // the NaN that CUDA makes
    return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

// Nearest fp16 value of x, as fp32 (ties to even).
CARAVAN_INLINE float roundToHalf(float x) {
    const float magnitude = std::fabs(x);
    if (!(magnitude < 0x1.ffep15f)) {
        if (std::isnan(x)) return x;
        return magnitude < 65520.0f ? std::copysign(65504.0f, x) : std::copysign(INFINITY, x);
    }
    const float step = magnitude < 0x1p-14f ? 0x1p-24f : std::ldexp(1.0f, std::ilogb(magnitude) - 10);
    return std::copysign(std::nearbyint(magnitude / step) * step, x);
}

CARAVAN_INLINE float absmaxOf(const Nf4Source& s, std::int64_t block) {
    if (s.absmax) return s.absmax[block];
    const float scaled = flush(s.nestedMap[s.absmaxCodes[block]] * s.nestedAbsmax[block / kNestedBlock]);
    return scaled + s.offset;
}

CARAVAN_INLINE float rounded(float x, StoredType stored) {
    if (stored == StoredType::BF16) return fromBits(static_cast<std::uint32_t>(toBf16(x)) << 16);
    return stored == StoredType::F16 ? roundToHalf(x) : x;
}

// A block has only sixteen values: they are rounded once, then copied by code.
template <class T, class Convert>
CARAVAN_INLINE void dequantize(const Nf4Source& source, std::int64_t elements, StoredType stored, T* out,
                               std::int64_t begin, std::int64_t end, Convert&& convert) {
    for (std::int64_t block = begin; block < end; ++block) {
        const float scale = flush(absmaxOf(source, block));
        T values[16];
        for (int c = 0; c < 16; ++c)
            values[c] = convert(rounded(flush(kNf4Code[c] * scale), stored));
        const std::int64_t first = block * kNf4Block, left = elements - first,
                           n = left < kNf4Block ? left : kNf4Block;
        const std::uint8_t* codes = source.codes + first / 2;
        T* to = out + first;
        for (std::int64_t i = 0; i < n / 2; ++i) {
            to[2 * i] = values[codes[i] >> 4];
            to[2 * i + 1] = values[codes[i] & 15];
        }
    }
}

CARAVAN_INLINE std::uint8_t nearestInMap(float x) {
    int low = 0, high = 255;  // the map is ascending
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        (kDynamicMapSigned[middle] < x ? low : high) = middle;
    }
    const float boundary = (kDynamicMapSigned[low] + kDynamicMapSigned[high]) * 0.5f;
    return static_cast<std::uint8_t>(x > boundary ? high : low);
}

}  // namespace

void quantizeNf4Blocks(const float* x, std::int64_t elements, std::uint8_t* codes, float* absmax,
                       std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
        const std::int64_t first = block * kNf4Block,
                           last = first + kNf4Block < elements ? first + kNf4Block : elements;
        float top = 0;
        for (std::int64_t i = first; i < last; ++i)
            top = std::fmax(top, std::fabs(x[i]));  // fmax leaves NaN out
        top = flush(top);
        absmax[block] = top;
        const float inverse = flush(1.0f / top);
        std::uint8_t nibble[kNf4Block] = {};
        for (std::int64_t i = first; i < last; ++i) {
            const float v = flush(flush(x[i]) * inverse);
            int code = 0;
            for (const float threshold : kNf4Threshold)
                code += v > threshold;
            nibble[i - first] = static_cast<std::uint8_t>(code);
        }
        for (std::int64_t i = first; i < last; i += 2)
            codes[i / 2] = static_cast<std::uint8_t>(nibble[i - first] << 4 | nibble[i - first + 1]);
    }
}

void quantizeAbsmax(const float* absmax, std::int64_t count, float offset, std::uint8_t* codes, float* nested,
                    std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
        const std::int64_t first = block * kNestedBlock,
                           last = first + kNestedBlock < count ? first + kNestedBlock : count;
        float top = 0;
        for (std::int64_t i = first; i < last; ++i)
            top = std::fmax(top, std::fabs(absmax[i] - offset));
        nested[block] = top;
        const float inverse = flush(1.0f / top);
        for (std::int64_t i = first; i < last; ++i)
            codes[i] = nearestInMap(flush((absmax[i] - offset) * inverse));
    }
}

void dequantizeNf4Blocks(const Nf4Source& source, std::int64_t elements, StoredType stored, float* out,
                         std::int64_t begin, std::int64_t end) {
    dequantize(source, elements, stored, out, begin, end, [](float v) { return v; });
}
void dequantizeNf4Blocks16(const Nf4Source& source, std::int64_t elements, StoredType stored,
                           std::uint16_t* out, std::int64_t begin, std::int64_t end) {
    dequantize(source, elements, stored, out, begin, end, [](float v) { return toBf16(v); });
}

}  // namespace caravan::kernels
