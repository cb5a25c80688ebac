// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/host_adapters.h"

#include "engine/ops/host_products.h"
#include "kernels/grouped_adapter/grouped_adapter.h"

namespace caravan::engine::ops::host {
namespace {

kernels::AdapterRouting view(const Routing& routing) {
    return {data<std::int32_t>(routing.chosen), data<std::int32_t>(routing.order),
            data<std::int32_t>(routing.place), routing.weights.size(1), routing.logits.size(1)};
}

// Rows [begin, end) of the sorted order, all of one expert.
struct Block {
    std::size_t expert;
    std::int64_t begin, end;
};
std::vector<Block> blocksOf(const Routing& routing) {
    const std::int32_t* offsets = data<std::int32_t>(routing.offsets);
    std::vector<Block> blocks;
    for (std::int64_t e = 0; e < routing.logits.size(1); ++e)
        for (std::int64_t row = offsets[e]; row < offsets[e + 1]; row += kBlockRows)
            blocks.push_back(
                {static_cast<std::size_t>(e), row, std::min<std::int64_t>(offsets[e + 1], row + kBlockRows)});
    return blocks;
}

// Sorted rows of x [T, D] under an expert's mask.
template <class T>
kernels::MaskedRows<T> rowsOf(const at::Tensor& x, const Routing& routing, const kernels::DropoutMask& mask,
                              std::size_t expert) {
    kernels::MaskedRows<T> rows;
    rows.source = data<T>(x);
    rows.stride = rows.columns = x.size(1);
    rows.order = data<std::int32_t>(routing.order);
    rows.choices = routing.weights.size(1);
    rows.mask = mask;
    rows.maskStep = routing.logits.size(1);
    rows.maskShift = static_cast<std::int64_t>(expert);
    return rows;
}

// Both weights of every expert as right factors; the numbers of expert e are 2 e and 2 e + 1.
template <class T>
Rights<T> pack(const at::Tensor& down, const at::Tensor& up, bool transposed) {
    Rights<T> rights;
    for (std::int64_t e = 0; e < down.size(0); ++e) {
        if (transposed) {
            rights.addTransposed(down[e]);
            rights.addTransposed(up[e]);
        } else {
            rights.addPlain(down[e]);
            rights.addPlain(up[e]);
        }
    }
    rights.pack(down.options());
    return rights;
}

template <class T>
void product(const kernels::Factor<T>& factor, T* out, std::int64_t rows, std::int64_t columns) {
    kernels::multiply(&factor, 1, {out, columns, rows, columns, false});
}

template <class F>
void overBlocks(const Routing& routing, F&& f) {
    const std::vector<Block> blocks = blocksOf(routing);
    parallelItems(static_cast<std::int64_t>(blocks.size()),
                  [&](std::int64_t i) { f(blocks[static_cast<std::size_t>(i)]); });
}

// The backward's rows in sorted order.
template <class T>
struct SortedRows {
    T *dh, *scaled;  // [slots, r]
    T* dm;           // [slots, D]
};

template <class T>
void addAdapterGradients(const at::Tensor& g, const at::Tensor& u, const Routing& routing,
                         const kernels::DropoutMask& mask, const SortedRows<T>& sorted, at::Tensor& dDown,
                         at::Tensor& dUp) {
    const std::int32_t* offsets = data<std::int32_t>(routing.offsets);
    const std::int64_t size = dDown.size(1), width = u.size(1);
    std::vector<WeightGradient<T>> gradients;
    for (std::int64_t e = 0; e < dDown.size(0); ++e) {
        const std::int64_t first = offsets[e], rows = offsets[e + 1] - first;
        const auto expert = static_cast<std::size_t>(e);
        gradients.push_back({sorted.scaled + first * size, size, size, rowsOf<T>(g, routing, {}, expert),
                             first, rows, data<T>(dUp) + e * size * width, size, true});
        gradients.push_back({sorted.dh + first * size, size, size, rowsOf<T>(u, routing, mask, expert), first,
                             rows, data<T>(dDown) + e * size * width, width});
    }
    addWeightGradients(gradients);
}

}  // namespace

bool suitsAdapters(const at::Tensor& u, const at::Tensor& down, const at::Tensor& up) {
    const auto same = [&](const at::Tensor& weight) {
        return weight.is_cpu() && weight.scalar_type() == u.scalar_type() && weight.is_contiguous();
    };
    return suits(u) && same(down) && same(up);
}

Adapters adapters(const at::Tensor& u, const Routing& routing, const at::Tensor& down, const at::Tensor& up,
                  double s, const kernels::DropoutMask& mask) {
    const std::int64_t slots = routing.order.numel(), width = u.size(1), size = down.size(1);
    const at::Tensor wide = at::empty({slots, width}, u.options());
    Adapters result{at::empty_like(u), at::empty({slots, size}, u.options()), {}};
    forReal("adapters", u, [&](auto type) {
        using T = decltype(type);
        const Rights<T> rights = pack<T>(down, up, true);
        overBlocks(routing, [&](const Block& block) {
            const std::int64_t rows = block.end - block.begin;
            T *in = scratch<T>(0, kBlockRows * width), *a = scratch<T>(1, kBlockRows * size);
            T* h = data<T>(result.h) + block.begin * size;
            kernels::copyMaskedRows(rowsOf<T>(u, routing, mask, block.expert), block.begin, block.end, in);
            product(rights.factor(in, width, 2 * block.expert), h, rows, size);
            kernels::geluValues(h, a, 0, rows * size);
            product(rights.factor(a, size, 2 * block.expert + 1), data<T>(wide) + block.begin * width, rows,
                    width);
        });
        parallelRows(u.size(0), rowGrain(width), [&](std::int64_t begin, std::int64_t end) {
            kernels::combineRows(
                kernels::CombineArguments<T>{data<T>(u), data<T>(wide), data<T>(routing.weights),
                                             data<T>(result.y), width, s},
                view(routing), begin, end);
        });
    });
    return result;
}

AdapterGradient adaptersBackward(const at::Tensor& g, const at::Tensor& u, const Routing& routing,
                                 const at::Tensor& h, const at::Tensor& down, const at::Tensor& up, double s,
                                 const kernels::DropoutMask& mask, at::Tensor& dDown, at::Tensor& dUp) {
    const std::int64_t slots = routing.order.numel(), width = u.size(1), size = down.size(1);
    const at::Tensor dm = at::empty({slots, width}, u.options()), dh = at::empty({slots, size}, u.options()),
                     scaled = at::empty({slots, size}, u.options());
    AdapterGradient gradient{at::empty_like(u),
                             at::empty(routing.weights.sizes(), routing.weights.options())};
    forReal("adaptersBackward", u, [&](auto type) {
        using T = decltype(type);
        const Rights<T> rights = pack<T>(down, up, false);
        const SortedRows<T> sorted{data<T>(dh), data<T>(scaled), data<T>(dm)};
        const kernels::HiddenArguments<T> hidden{sorted.dh,
                                                 data<T>(h),
                                                 data<T>(routing.weights),
                                                 sorted.dh,
                                                 sorted.scaled,
                                                 data<T>(gradient.weights),
                                                 size,
                                                 s};
        overBlocks(routing, [&](const Block& block) {
            const std::int64_t rows = block.end - block.begin;
            T *in = scratch<T>(0, kBlockRows * width), *q = sorted.dh + block.begin * size;
            kernels::copyMaskedRows(rowsOf<T>(g, routing, {}, block.expert), block.begin, block.end, in);
            product(rights.factor(in, width, 2 * block.expert + 1), q, rows, size);
            kernels::hiddenBackwardRows(hidden, view(routing), block.begin, block.end);
            product(rights.factor(q, size, 2 * block.expert), sorted.dm + block.begin * width, rows, width);
        });
        addAdapterGradients<T>(g, u, routing, mask, sorted, dDown, dUp);
        parallelRows(u.size(0), rowGrain(width), [&](std::int64_t begin, std::int64_t end) {
            kernels::scatterRows(
                kernels::ScatterArguments<T>{data<T>(g), sorted.dm, data<T>(gradient.u), width},
                view(routing), mask, begin, end);
        });
    });
    return gradient;
}

}  // namespace caravan::engine::ops::host
