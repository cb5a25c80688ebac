// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "engine/ops/dispatch.h"
#include "engine/ops/parallel.h"
#include "engine/ops/timeline.h"
#include "kernels/nf4/dynamic_map.h"
#include "kernels/nf4/nf4.h"

namespace caravan::engine::ops {
namespace {

std::int64_t divideUp(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}

kernels::StoredType storedType(at::ScalarType type) {
    if (type == at::kBFloat16) return kernels::StoredType::BF16;
    if (type == at::kHalf) return kernels::StoredType::F16;
    return kernels::StoredType::F32;
}

// fp64 sums of nested blocks in order, then these in order, rounded once: the same bits on both devices.
double meanOf(const at::Tensor& absmax) {
    const std::int64_t count = absmax.numel(), blocks = divideUp(count, kernels::kNestedBlock);
    at::Tensor partial = at::empty({blocks}, like(absmax, at::kDouble));
    if (absmax.is_cuda()) {
        checkLaunch("quantizeNf4", cudaTable().absmaxSums(data<float>(absmax), count, data<double>(partial),
                                                          streamOf(absmax)));
        partial = partial.cpu();
    } else {
        for (std::int64_t b = 0; b < blocks; ++b) {
            double sum = 0;
            for (std::int64_t i = b * kernels::kNestedBlock;
                 i < std::min(count, (b + 1) * kernels::kNestedBlock); ++i)
                sum += static_cast<double>(data<float>(absmax)[i]);
            data<double>(partial)[b] = sum;
        }
    }
    double sum = 0;
    for (std::int64_t b = 0; b < blocks; ++b)
        sum += data<double>(partial)[b];
    return static_cast<double>(static_cast<float>(sum / static_cast<double>(count)));
}

void quantizeBlocks(const at::Tensor& x, at::Tensor& codes, at::Tensor& absmax) {
    const std::int64_t n = x.numel();
    if (x.is_cuda()) {
        checkLaunch("quantizeNf4", cudaTable().quantizeNf4(data<float>(x), n, data<std::uint8_t>(codes),
                                                           data<float>(absmax), streamOf(x)));
        return;
    }
    parallelRows(absmax.numel(), 256, [&](std::int64_t begin, std::int64_t end) {
        kernels::quantizeNf4Blocks(data<float>(x), n, data<std::uint8_t>(codes), data<float>(absmax), begin,
                                   end);
    });
}

void quantizeScales(const at::Tensor& absmax, float offset, at::Tensor& codes, at::Tensor& nested) {
    const std::int64_t count = absmax.numel();
    if (absmax.is_cuda()) {
        checkLaunch("quantizeNf4",
                    cudaTable().quantizeAbsmax(data<float>(absmax), count, offset, data<std::uint8_t>(codes),
                                               data<float>(nested), streamOf(absmax)));
        return;
    }
    parallelRows(nested.numel(), 8, [&](std::int64_t begin, std::int64_t end) {
        kernels::quantizeAbsmax(data<float>(absmax), count, offset, data<std::uint8_t>(codes),
                                data<float>(nested), begin, end);
    });
}

kernels::Nf4Source sourceOf(const Nf4& weight) {
    kernels::Nf4Source source{data<std::uint8_t>(weight.codes), nullptr, nullptr, nullptr, nullptr,
                              static_cast<float>(weight.offset)};
    if (weight.doubleQuantised()) {
        source.absmaxCodes = data<std::uint8_t>(weight.absmax);
        source.nestedAbsmax = data<float>(weight.nestedAbsmax);
        source.nestedMap = data<float>(weight.nestedMap);
    } else {
        source.absmax = data<float>(weight.absmax);
    }
    return source;
}

std::int64_t elementsOf(const Nf4& weight) {
    std::int64_t n = 1;
    for (const auto size : weight.shape)
        n *= size;
    return n;
}

}  // namespace

Nf4 quantizeNf4(const at::Tensor& weight, bool doubleQuantise, std::optional<double> offset) {
    require(weight.numel() > 0 && weight.numel() % 2 == 0, "quantizeNf4",
            "a weight with an even number of elements", weight);
    const at::Tensor x = weight.to(at::kFloat).contiguous();
    const std::int64_t blocks = divideUp(x.numel(), kernels::kNf4Block);
    Nf4 result;
    result.shape = weight.sizes().vec();
    result.codes = at::empty({x.numel() / 2}, like(x, at::kByte));
    result.absmax = at::empty({blocks}, x.options());
    quantizeBlocks(x, result.codes, result.absmax);
    if (!doubleQuantise) return result;
    const at::Tensor absmax = result.absmax;
    result.offset = offset ? *offset : meanOf(absmax);
    result.absmax = at::empty({blocks}, like(x, at::kByte));
    result.nestedAbsmax = at::empty({divideUp(blocks, kernels::kNestedBlock)}, x.options());
    at::Tensor map = at::empty({256}, at::kFloat);
    std::copy(std::begin(kernels::kDynamicMapSigned), std::end(kernels::kDynamicMapSigned), data<float>(map));
    result.nestedMap = map.to(x.device());
    quantizeScales(absmax, static_cast<float>(result.offset), result.absmax, result.nestedAbsmax);
    return result;
}

void dequantizeNf4(const Nf4& weight, at::ScalarType stored, at::Tensor& out) {
    const PartScope scope(Part::Dequantisation);
    const std::int64_t n = elementsOf(weight), blocks = divideUp(n, kernels::kNf4Block);
    require(out.numel() == n && out.is_contiguous(), "dequantizeNf4", "an output of the weight's shape", out);
    const auto source = sourceOf(weight);
    const auto type = storedType(stored);
    if (out.is_cuda()) {
        checkLaunch("dequantizeNf4",
                    cudaTable().dequantizeNf4(source, n, type, elementOf("dequantizeNf4", out),
                                              out.data_ptr(), streamOf(out)));
        return;
    }
    if (out.scalar_type() == at::kBFloat16) {
        parallelRows(blocks, 256, [&](std::int64_t begin, std::int64_t end) {
            kernels::dequantizeNf4Blocks16(source, n, type, static_cast<std::uint16_t*>(out.data_ptr()),
                                           begin, end);
        });
        return;
    }
    at::Tensor wide = out.scalar_type() == at::kFloat ? out : at::empty(out.sizes(), like(out, at::kFloat));
    parallelRows(blocks, 256, [&](std::int64_t begin, std::int64_t end) {
        kernels::dequantizeNf4Blocks(source, n, type, data<float>(wide), begin, end);
    });
    if (!wide.is_same(out)) out.copy_(wide);
}

void dequantizeNf4(const std::vector<const Nf4*>& weights, at::ScalarType stored, at::Tensor& out) {
    std::vector<kernels::cuda::Nf4Part> parts;
    std::int64_t row = 0;
    const bool together = out.is_cuda() && out.scalar_type() == at::kBFloat16 && out.is_contiguous();
    for (const Nf4* weight : weights) {
        require(row + weight->shape[0] <= out.size(0) && weight->shape[1] == out.size(1), "dequantizeNf4",
                "rows for all weights", out);
        at::Tensor rows = out.narrow(0, row, weight->shape[0]);
        row += weight->shape[0];
        if (together)
            parts.push_back({sourceOf(*weight), elementsOf(*weight), rows.data_ptr()});
        else
            dequantizeNf4(*weight, stored, rows);
    }
    if (!together) return;
    const PartScope scope(Part::Dequantisation);
    checkLaunch("dequantizeNf4", cudaTable().dequantizeNf4Parts(parts.data(), static_cast<int>(parts.size()),
                                                                storedType(stored), streamOf(out)));
}

}  // namespace caravan::engine::ops
