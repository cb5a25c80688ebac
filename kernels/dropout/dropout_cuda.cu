// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/dropout/dropout.h"
#include "kernels/dropout/mask.cuh"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 256;

// One thread per mask block of eight columns.
template <class T>
__global__ void dropoutKernel(const T* x, T* out, std::int64_t rows, std::int64_t columns, DropoutMask mask,
                              bool add) {
    const std::int64_t perRow = blocksPerRow(columns),
                       index = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (index >= rows * perRow) return;
    const std::int64_t row = index / perRow, column = index % perRow * 8;
    float keep[8];
    keepEight(mask, rowOffsetOf(mask) + row, columns, column, keep);
    const T* from = x + row * columns + column;
    T* to = out + row * columns + column;
    if (columns % 8 == 0) {
        auto v = loadEight(from);
        if (add) {
            const auto base = loadEight(to);
            for (int i = 0; i < 8; ++i)
                v.v[i] = base.v[i] + v.v[i] * keep[i];
        } else {
            for (int i = 0; i < 8; ++i)
                v.v[i] *= keep[i];
        }
        storeEight(to, v.v);
        return;
    }
    for (int i = 0; i < 8 && column + i < columns; ++i)
        to[i] = fromFloat<T>((add ? toFloat(to[i]) : 0.0f) + toFloat(from[i]) * keep[i]);
}

}  // namespace

int dropout(Element element, const void* x, void* out, std::int64_t rows, std::int64_t columns,
            const DropoutMask& mask, bool add, Stream stream) {
    if (rows * columns == 0) return 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        dropoutKernel<T><<<blocksFor(rows * blocksPerRow(columns), kThreads), kThreads, 0, stream>>>(
            static_cast<const T*>(x), static_cast<T*>(out), rows, columns, mask, add);
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
