// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/dropout/dropout.h"

#include "kernels/dropout/mask_row.h"

namespace caravan::kernels {
namespace {

template <class T>
CARAVAN_INLINE void apply(const T* x, T* out, std::int64_t columns, const DropoutMask& mask,
                          std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
        const T* in = x + row * columns;
        T* to = out + row * columns;
        forMaskedRow<T>(columns, mask, mask.rowOffset + row,
                        [&](std::int64_t c, T keep) { to[c] = in[c] * keep; });
    }
}
template <class T>
CARAVAN_INLINE void applyAdd(const T* x, T* out, std::int64_t columns, const DropoutMask& mask,
                             std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
        const T* in = x + row * columns;
        T* to = out + row * columns;
        forMaskedRow<T>(columns, mask, mask.rowOffset + row,
                        [&](std::int64_t c, T keep) { to[c] += in[c] * keep; });
    }
}

}  // namespace

CARAVAN_CLONES void dropoutRows(const float* x, float* out, std::int64_t columns, const DropoutMask& mask,
                                std::int64_t begin, std::int64_t end) {
    apply(x, out, columns, mask, begin, end);
}
CARAVAN_CLONES void dropoutRows(const double* x, double* out, std::int64_t columns, const DropoutMask& mask,
                                std::int64_t begin, std::int64_t end) {
    apply(x, out, columns, mask, begin, end);
}
CARAVAN_CLONES void dropoutAddRows(const float* x, float* out, std::int64_t columns, const DropoutMask& mask,
                                   std::int64_t begin, std::int64_t end) {
    applyAdd(x, out, columns, mask, begin, end);
}
CARAVAN_CLONES void dropoutAddRows(const double* x, double* out, std::int64_t columns,
                                   const DropoutMask& mask, std::int64_t begin, std::int64_t end) {
    applyAdd(x, out, columns, mask, begin, end);
}

void uniformValues(float* values, float bound, const PhiloxKey& key, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
        const PhiloxBlock b = philox(key, static_cast<std::uint64_t>(i / 4));
        values[i] = (static_cast<float>(b.word[i % 4] >> 8) * 0x1p-23f - 1.0f) * bound;
    }
}

}  // namespace caravan::kernels
