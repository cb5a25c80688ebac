// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/parallel.h"
#include "engine/ops/support.h"
#include "kernels/cross_entropy/cross_entropy.h"

namespace caravan::engine::ops {
namespace {

constexpr std::int64_t kChunkLogits = std::int64_t{1} << 21;  // 8 MiB of fp32 at a time stay near the caches

}  // namespace

CrossEntropy crossEntropy(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels,
                          double scale, bool withGradient) {
    require(hidden.dim() == 2 && hidden.is_contiguous(), "crossEntropy", "hidden [N, D] contiguous", hidden);
    require(head.dim() == 2 && head.size(1) == hidden.size(1), "crossEntropy", "a head [V, D]", head);
    require(labels.numel() == hidden.size(0) && labels.scalar_type() == at::kLong, "crossEntropy",
            "int64 labels [N]", labels);
    const std::int64_t rows = hidden.size(0), vocabulary = head.size(0);
    CrossEntropy result{at::zeros({}, hidden.options()), {}, at::empty({rows}, hidden.options())};
    if (withGradient) result.dHidden = at::empty_like(hidden);
    const std::int64_t chunk = std::max<std::int64_t>(64, kChunkLogits / vocabulary);
    at::Tensor buffer = at::empty({std::min(chunk, rows), vocabulary}, hidden.options());
    const kernels::CrossEntropyShape shape{vocabulary, scale, withGradient};
    forReal("crossEntropy", hidden, [&](auto type) {
        using T = decltype(type);
        for (std::int64_t first = 0; first < rows; first += chunk) {
            const std::int64_t n = std::min(chunk, rows - first);
            at::Tensor logits = buffer.narrow(0, 0, n);
            at::mm_out(logits, hidden.narrow(0, first, n), head.t());
            parallelRows(n, 1 + 16384 / vocabulary, [&](std::int64_t begin, std::int64_t end) {
                kernels::crossEntropyRows(data<T>(logits), data<std::int64_t>(labels) + first,
                                          data<T>(result.perRow) + first, shape, begin, end);
            });
            if (!withGradient) continue;
            at::Tensor d = result.dHidden.narrow(0, first, n);
            at::mm_out(d, logits, head);
        }
        double sum = 0;
        for (std::int64_t i = 0; i < rows; ++i)
            sum += static_cast<double>(data<T>(result.perRow)[i]);
        *data<T>(result.lossSum) = static_cast<T>(sum);
    });
    return result;
}

}  // namespace caravan::engine::ops
