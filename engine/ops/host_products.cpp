// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/host_products.h"

namespace caravan::engine::ops::host {
namespace {

// Rows of right that are packed at a time: a tile of left, a line a row, and a panel fit the first-level
// cache.
constexpr std::int64_t kDepth = 128;

template <class T>
void addToSum(const WeightGradient<T>& g, const T* slice, std::int64_t first, std::int64_t columns) {
    if (!g.transposed) {
        for (std::int64_t i = 0; i < g.leftColumns; ++i)
            for (std::int64_t j = 0; j < columns; ++j)
                g.sum[i * g.sumStride + first + j] += g.scale * slice[i * kSliceColumns + j];
        return;
    }
    constexpr std::int64_t kSquare = 16;  // a line of the sum and of the slice
    for (std::int64_t left = 0; left < g.leftColumns; left += kSquare)
        for (std::int64_t j = 0; j < columns; ++j) {
            T* sum = g.sum + (first + j) * g.sumStride;
            for (std::int64_t i = left; i < std::min(left + kSquare, g.leftColumns); ++i)
                sum[i] += g.scale * slice[i * kSliceColumns + j];
        }
}

template <class T>
void addSlice(const WeightGradient<T>& g, std::int64_t first) {
    const std::int64_t columns = std::min(kSliceColumns, g.right.columns - first);
    T* panels = scratch<T>(0, kDepth * kSliceColumns);
    T* slice = scratch<T>(1, g.leftColumns * kSliceColumns);
    for (std::int64_t row = 0; row < g.rows; row += kDepth) {
        const std::int64_t depth = std::min(kDepth, g.rows - row);
        kernels::packMaskedRows(g.right, g.begin + row, g.begin + row + depth, {first, columns}, panels);
        const kernels::Factor<T> factor{g.left + row * g.leftStride,    1,    g.leftStride, panels,
                                        depth * kernels::kPanelColumns, depth};
        kernels::multiply(&factor, 1, {slice, kSliceColumns, g.leftColumns, columns, row > 0});
    }
    addToSum(g, slice, first, columns);
}

}  // namespace

template <class T>
void addWeightGradients(const std::vector<WeightGradient<T>>& gradients) {
    struct Slice {
        const WeightGradient<T>* gradient;
        std::int64_t first;
    };
    std::vector<Slice> slices;
    for (const WeightGradient<T>& g : gradients)
        for (std::int64_t first = 0; g.rows > 0 && first < g.right.columns; first += kSliceColumns)
            slices.push_back({&g, first});
    parallelItems(static_cast<std::int64_t>(slices.size()), [&](std::int64_t i) {
        const Slice& slice = slices[static_cast<std::size_t>(i)];
        addSlice(*slice.gradient, slice.first);
    });
}
template void addWeightGradients(const std::vector<WeightGradient<float>>& gradients);
template void addWeightGradients(const std::vector<WeightGradient<double>>& gradients);

void multiply(const at::Tensor& x, const at::Tensor& weight, bool transposed, at::Tensor& out) {
    forReal("product", x, [&](auto type) {
        using T = decltype(type);
        Rights<T> rights;
        const std::size_t right = transposed ? rights.addTransposed(weight) : rights.addPlain(weight);
        rights.pack(x.options());
        parallelBlocks(x.size(0), [&](std::int64_t begin, std::int64_t end) {
            const auto factor = rights.factor(data<T>(x) + begin * x.stride(0), x.stride(0), right);
            kernels::multiply(
                &factor, 1,
                {data<T>(out) + begin * out.stride(0), out.stride(0), end - begin, out.size(1), false});
        });
    });
}

}  // namespace caravan::engine::ops::host

namespace caravan::engine::ops {

FrozenPanels packFrozen(const at::Tensor& weight) {
    FrozenPanels panels;
    if (!host::suits(weight)) return panels;
    forReal("packFrozen", weight, [&](auto type) {
        host::Rights<decltype(type)> transposed, plain;
        (void)transposed.addTransposed(weight);
        (void)plain.addPlain(weight);
        transposed.pack(weight.options());
        plain.pack(weight.options());
        panels = {transposed.m_buffer, plain.m_buffer};
    });
    return panels;
}

}  // namespace caravan::engine::ops
