// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/Functions.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "engine/ops/ops.h"
#include "engine/ops/parallel.h"
#include "engine/ops/support.h"
#include "kernels/masked_rows/masked_rows.h"
#include "kernels/product/product.h"

// Products of the CPU's step. Right factors are packed by all threads together; then every thread takes whole
// rows of the result through all products of an operation while they lie in its cache.
namespace caravan::engine::ops::host {

// Rows that pass through an operation's products together.
constexpr std::int64_t kBlockRows = 48;
// Threads share rows out by these: two tiles. The last thread to finish holds the others up for half of one.
constexpr std::int64_t kBlockGrain = 12;

// These run on a tensor of its kind: fp32 with vector instructions, or fp64.
inline bool suits(const at::Tensor& x) {
    return x.is_cpu() && x.dim() == 2 && x.stride(1) == 1 &&
           (x.scalar_type() == at::kDouble || (x.scalar_type() == at::kFloat && kernels::hasFastProduct()));
}
inline bool sameKind(const at::Tensor& x, const at::Tensor& weight) {
    return weight.is_cpu() && weight.scalar_type() == x.scalar_type() && weight.dim() == 2 &&
           weight.stride(1) == 1;
}

// f(item) for items [0, n), each by whichever thread is free; f must not depend on the order.
template <class F>
void parallelItems(std::int64_t n, F&& f) {
    std::atomic<std::int64_t> next{0};
    parallelRows(std::min<std::int64_t>(n, threads()), 1, [&](std::int64_t begin, std::int64_t end) {
        for (; begin < end; ++begin)
            for (std::int64_t item; (item = next.fetch_add(1, std::memory_order_relaxed)) < n;)
                f(item);
    });
}

// f(begin, end) over blocks of at most so many rows of [0, n), a multiple of kBlockGrain.
template <class F>
void parallelBlocks(std::int64_t n, F&& f, std::int64_t rows = kBlockRows) {
    parallelRows(n, kBlockGrain, [&](std::int64_t begin, std::int64_t end) {
        for (; begin < end; begin += rows)
            f(begin, std::min(end, begin + rows));
    });
}

// Memory of the calling thread, kept between operations; the content is undefined. slot: several at a time.
template <class T>
T* scratch(int slot, std::int64_t count) {
    constexpr std::size_t kLine = 64;  // vectors that straddle cache lines cost double
    constexpr int kSlots = 2;
    thread_local std::vector<T> buffers[kSlots];
    std::vector<T>& buffer = buffers[slot];
    const auto size = static_cast<std::size_t>(count) + kLine / sizeof(T);
    if (buffer.size() < size) buffer.resize(size);
    const auto address = reinterpret_cast<std::uintptr_t>(buffer.data());
    return reinterpret_cast<T*>((address + kLine - 1) / kLine * kLine);
}

// Right factors of an operation, packed together; kept panels are used as they are.
template <class T>
class Rights {
  public:
    // x * rows [begin, begin + count) of weight, transposed, whose panels may be kept
    std::size_t addTransposedRows(const at::Tensor& weight, const FrozenPanels* kept, std::int64_t begin,
                                  std::int64_t count) {
        if (kept && kept->transposed.defined() && begin % kernels::kPanelColumns == 0)
            return addKept(data<T>(kept->transposed) + begin * weight.size(1), weight.size(1));
        return addTransposed(weight.narrow(0, begin, count));
    }
    std::size_t addPlain(const at::Tensor& weight, const FrozenPanels* kept) {
        return kept && kept->plain.defined() ? addKept(data<T>(kept->plain), weight.size(0))
                                             : addPlain(weight);
    }
    // x * weight^T: weight [out, in]; in is the depth
    std::size_t addTransposed(const at::Tensor& weight, double scale = 1) {
        return add(
            {data<T>(weight), 1, weight.stride(0), weight.size(1), weight.size(0), static_cast<T>(scale)});
    }
    // x * weight: weight [depth, columns]
    std::size_t addPlain(const at::Tensor& weight, double scale = 1) {
        return add(
            {data<T>(weight), weight.stride(0), 1, weight.size(0), weight.size(1), static_cast<T>(scale)});
    }
    void pack(const at::TensorOptions& options) {
        if (m_size == 0) return;
        m_buffer = at::empty({m_size}, options);
        T* to = data<T>(m_buffer);
        parallelRows(m_panels, 4, [&](std::int64_t begin, std::int64_t end) {
            for (const Right& right : m_rights) {
                const std::int64_t first = std::max<std::int64_t>(0, begin - right.firstPanel);
                const std::int64_t last =
                    std::min(kernels::panelCount(right.source.columns), end - right.firstPanel);
                if (first < last) kernels::packPanels(right.source, to + right.offset, first, last);
            }
        });
    }
    [[nodiscard]] kernels::Factor<T> factor(const T* left, std::int64_t rowStride, std::size_t right) const {
        const Right& r = m_rights[right];
        return {left,
                rowStride,
                1,
                r.kept ? r.kept : data<T>(m_buffer) + r.offset,
                r.source.depth * kernels::kPanelColumns,
                r.source.depth};
    }

  private:
    struct Right {
        kernels::PackSource<T> source;
        std::int64_t offset, firstPanel;
        const T* kept = nullptr;
    };
    std::size_t addKept(const T* panels, std::int64_t depth) {
        m_rights.push_back({{}, 0, 0, panels});
        m_rights.back().source.depth = depth;  // no columns: nothing to pack
        return m_rights.size() - 1;
    }
    std::size_t add(const kernels::PackSource<T>& source) {
        m_rights.push_back({source, m_size, m_panels});
        m_panels += kernels::panelCount(source.columns);
        m_size += kernels::panelCount(source.columns) * kernels::kPanelColumns * source.depth;
        return m_rights.size() - 1;
    }
    friend FrozenPanels ops::packFrozen(const at::Tensor& weight);
    std::vector<Right> m_rights;
    at::Tensor m_buffer;
    std::int64_t m_size = 0, m_panels = 0;
};

// sum [left columns, columns of right] += scale * left^T right over all rows: gradients of weights, in slices
// of kSliceColumns of right that no other thread touches.
constexpr std::int64_t kSliceColumns = 128;
template <class T>
struct WeightGradient {
    const T* left = nullptr;  // [rows, leftColumns]
    std::int64_t leftStride = 0, leftColumns = 0;
    kernels::MaskedRows<T> right;
    std::int64_t begin = 0, rows = 0;  // of right; left begins at its own row 0
    T* sum = nullptr;
    std::int64_t sumStride = 0;
    bool transposed = false;  // sum is [columns of right, left columns]
    T scale = 1;
};
template <class T>
void addWeightGradients(const std::vector<WeightGradient<T>>& gradients);

// out = x * weight^T (transposed) or x * weight, rows of x in parallel
void multiply(const at::Tensor& x, const at::Tensor& weight, bool transposed, at::Tensor& out);

}  // namespace caravan::engine::ops::host
