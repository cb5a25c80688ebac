// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>

#include "engine/ops/dispatch.h"
#include "engine/ops/host_products.h"
#include "engine/ops/parallel.h"
#include "engine/ops/products_fp32.h"
#include "engine/ops/timeline.h"
#include "kernels/cross_entropy/cross_entropy.h"

namespace caravan::engine::ops {
namespace {

// Elements of the logits in flight: on the CPU they should stay near the caches, on a GPU fill it.
constexpr std::int64_t kChunkHost = std::int64_t{1} << 21, kChunkDevice = std::int64_t{1} << 27;

// perRow of the chunk, and the gradient in place of the logits when it is wanted
void lossOfChunk(at::Tensor& logits, const at::Tensor& labels, at::Tensor& perRow,
                 const kernels::CrossEntropyShape& shape) {
    const std::int64_t rows = logits.size(0);
    if (logits.is_cuda()) {
        checkLaunch("crossEntropy",
                    cudaTable().crossEntropy(elementOf("crossEntropy", logits), logits.data_ptr(),
                                             data<std::int64_t>(labels), data<float>(perRow), shape, rows,
                                             streamOf(logits)));
        return;
    }
    forReal("crossEntropy", logits, [&](auto type) {
        using T = decltype(type);
        parallelRows(rows, 1 + 16384 / shape.vocabulary, [&](std::int64_t begin, std::int64_t end) {
            kernels::crossEntropyRows(data<T>(logits), data<std::int64_t>(labels), data<T>(perRow), shape,
                                      begin, end);
        });
    });
}

// The loss on the CPU: a block of rows passes through the vocabulary in chunks, each through both products
// and the softmax between them while its logits lie in the second-level cache. With the whole rows' logits
// (4.7 MB a block) the products ran at 138 GFLOP/s on two cores; products that stay in the cache at 81 to 85
// on one.
template <class T>
class HostLoss {
  public:
    HostLoss(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels,
             const kernels::CrossEntropyShape& shape, const FrozenPanels* panels, CrossEntropy& result)
        : m_hidden(hidden), m_head(head), m_labels(labels), m_shape(shape), m_result(result) {
        m_forward = m_rights.addTransposedRows(head, panels, 0, head.size(0));
        if (shape.gradient) m_backward = m_rights.addPlain(head, panels);
        m_rights.pack(hidden.options());
    }
    void run() const { host::parallelBlocks(m_hidden.size(0), *this, kRows); }
    void operator()(std::int64_t begin, std::int64_t end) const {
        const std::int64_t width = m_hidden.size(1), rows = end - begin;
        const std::int64_t* labels = data<std::int64_t>(m_labels) + begin;
        T* gradient = m_shape.gradient ? data<T>(m_result.dHidden) + begin * width : nullptr;
        std::array<kernels::CrossEntropyRow<T>, kRows> state;
        kernels::CrossEntropyChunk<T> chunk{
            host::scratch<T>(0, kRows * kStride), kStride, rows, 0, 0, labels, state.data(), gradient, width};
        for (; chunk.first < m_shape.vocabulary; chunk.first += kColumns) {
            chunk.columns = std::min(kColumns, m_shape.vocabulary - chunk.first);
            auto in = m_rights.factor(data<T>(m_hidden) + begin * width, width, m_forward);
            in.panels += chunk.first * width;
            kernels::multiply(&in, 1, {chunk.logits, kStride, rows, chunk.columns, false});
            kernels::crossEntropyChunk(chunk);
            if (!gradient) continue;
            auto out = m_rights.factor(chunk.logits, kStride, m_backward);
            out.panels += chunk.first * kernels::kPanelColumns;
            out.depth = chunk.columns;
            kernels::multiply(&out, 1, {gradient, width, rows, width, chunk.first > 0});
        }
        kernels::crossEntropyEnd(kernels::CrossEntropyEnd<T>{
            state.data(), labels, rows, data<T>(m_result.perRow) + begin, gradient, data<T>(m_head),
            m_head.stride(0), width, static_cast<T>(m_shape.scale)});
    }

  private:
    static constexpr std::int64_t kRows = 2 * host::kBlockRows;  // that read a chunk of the head together
    static constexpr std::int64_t kColumns = 384;                // one pass of the products' depth
    // Without the gap the rows of a column would share a few cache sets.
    static constexpr std::int64_t kStride = kColumns + kernels::kPanelColumns;
    const at::Tensor &m_hidden, &m_head, &m_labels;
    kernels::CrossEntropyShape m_shape;
    CrossEntropy& m_result;
    host::Rights<T> m_rights;
    std::size_t m_forward = 0, m_backward = 0;
};

// Packing the head costs more than it gains for few rows.
bool suitsHost(const at::Tensor& hidden, const at::Tensor& head) {
    return host::suits(hidden) && host::sameKind(hidden, head) && hidden.size(0) >= 4;
}

}  // namespace

CrossEntropy crossEntropy(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels,
                          double scale, bool withGradient, const FrozenPanels* panels) {
    const PartScope scope(Part::Loss);
    require(hidden.dim() == 2 && hidden.is_contiguous(), "crossEntropy", "hidden [N, D] contiguous", hidden);
    require(head.dim() == 2 && head.size(1) == hidden.size(1), "crossEntropy", "a head [V, D]", head);
    require(labels.numel() == hidden.size(0) && labels.scalar_type() == at::kLong && labels.is_contiguous(),
            "crossEntropy", "int64 labels [N]", labels);
    const std::int64_t rows = hidden.size(0), vocabulary = head.size(0);
    const auto lossType = hidden.is_cuda() ? like(hidden, at::kFloat) : hidden.options();
    CrossEntropy result{{}, {}, at::empty({rows}, lossType)};
    if (withGradient) result.dHidden = at::empty_like(hidden);
    if (suitsHost(hidden, head)) {
        forReal("crossEntropy", hidden, [&](auto type) {
            HostLoss<decltype(type)>(hidden, head, labels, {vocabulary, scale, withGradient}, panels, result)
                .run();
        });
        result.lossSum = result.perRow.sum(at::kDouble).to(lossType.dtype().toScalarType());
        return result;
    }
    const std::int64_t chunk =
        std::max<std::int64_t>(64, (hidden.is_cuda() ? kChunkDevice : kChunkHost) / vocabulary);
    at::Tensor buffer = at::empty({std::min(chunk, rows), vocabulary}, hidden.options());
    for (std::int64_t first = 0; first < rows; first += chunk) {
        const std::int64_t n = std::min(chunk, rows - first);
        at::Tensor logits = buffer.narrow(0, 0, n), perRow = result.perRow.narrow(0, first, n);
        fp32::multiply(hidden.narrow(0, first, n), head, true, logits);
        lossOfChunk(logits, labels.narrow(0, first, n), perRow, {vocabulary, scale, withGradient});
        if (!withGradient) continue;
        at::Tensor d = result.dHidden.narrow(0, first, n);
        fp32::multiply(logits, head, false, d);
    }
    result.lossSum = result.perRow.sum(at::kDouble).to(lossType.dtype().toScalarType());
    return result;
}

}  // namespace caravan::engine::ops
