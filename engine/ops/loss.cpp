// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/dispatch.h"
#include "engine/ops/host_products.h"
#include "engine/ops/parallel.h"
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

// The loss on the CPU: the head is packed once for each direction, a block of rows passes through both
// products and the softmax between them.
template <class T>
void lossOnHost(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels,
                const kernels::CrossEntropyShape& shape, CrossEntropy& result) {
    const std::int64_t vocabulary = head.size(0), width = head.size(1);
    // Vocabularies are often powers of two: without the gap the rows of a column share a few cache sets.
    const std::int64_t stride = (vocabulary / 16 + 1) * 16;
    // The head is read for every block: larger ones read it less often.
    const std::int64_t blockRows = 3 * host::kBlockRows;
    host::Rights<T> rights;
    const std::size_t forward = rights.addTransposed(head);
    const std::size_t backward = shape.gradient ? rights.addPlain(head) : 0;
    rights.pack(hidden.options());
    host::parallelBlocks(
        hidden.size(0),
        [&](std::int64_t begin, std::int64_t end) {
            const std::int64_t rows = end - begin;
            T* logits = host::scratch<T>(0, blockRows * stride);
            const auto in = rights.factor(data<T>(hidden) + begin * width, width, forward);
            kernels::multiply(&in, 1, {logits, stride, rows, vocabulary, false});
            for (std::int64_t i = 0; i < rows; ++i)
                kernels::crossEntropyRows(logits + i * stride, data<std::int64_t>(labels) + begin + i,
                                          data<T>(result.perRow) + begin + i, shape, 0, 1);
            if (!shape.gradient) return;
            const auto out = rights.factor(logits, stride, backward);
            kernels::multiply(&out, 1, {data<T>(result.dHidden) + begin * width, width, rows, width, false});
        },
        blockRows);
}

// Packing the head costs more than it gains for few rows.
bool suitsHost(const at::Tensor& hidden, const at::Tensor& head) {
    return host::suits(hidden) && host::sameKind(hidden, head) && hidden.size(0) >= 4;
}

}  // namespace

CrossEntropy crossEntropy(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels,
                          double scale, bool withGradient) {
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
            lossOnHost<decltype(type)>(hidden, head, labels, {vocabulary, scale, withGradient}, result);
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
        at::mm_out(logits, hidden.narrow(0, first, n), head.t());
        lossOfChunk(logits, labels.narrow(0, first, n), perRow, {vocabulary, scale, withGradient});
        if (!withGradient) continue;
        at::Tensor d = result.dHidden.narrow(0, first, n);
        at::mm_out(d, logits, head);
    }
    result.lossSum = result.perRow.sum(at::kDouble).to(lossType.dtype().toScalarType());
    return result;
}

}  // namespace caravan::engine::ops
