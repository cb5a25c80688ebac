// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "engine/ops/parallel.h"
#include "engine/ops/support.h"
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

double meanOf(const at::Tensor& absmax) {
    double sum = 0;
    for (std::int64_t i = 0; i < absmax.numel(); ++i)
        sum += static_cast<double>(data<float>(absmax)[i]);
    return static_cast<double>(static_cast<float>(sum / static_cast<double>(absmax.numel())));
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
    const std::int64_t n = x.numel(), blocks = divideUp(n, kernels::kNf4Block);
    Nf4 result;
    result.shape = weight.sizes().vec();
    result.codes = at::empty({n / 2}, like(x, at::kByte));
    result.absmax = at::empty({blocks}, x.options());
    parallelRows(blocks, 256, [&](std::int64_t begin, std::int64_t end) {
        kernels::quantizeNf4Blocks(data<float>(x), n, data<std::uint8_t>(result.codes),
                                   data<float>(result.absmax), begin, end);
    });
    if (!doubleQuantise) return result;
    const at::Tensor absmax = result.absmax;
    const std::int64_t nested = divideUp(blocks, kernels::kNestedBlock);
    result.offset = offset ? *offset : meanOf(absmax);
    result.absmax = at::empty({blocks}, like(x, at::kByte));
    result.nestedAbsmax = at::empty({nested}, x.options());
    result.nestedMap = at::empty({256}, x.options());
    std::copy(std::begin(kernels::kDynamicMapSigned), std::end(kernels::kDynamicMapSigned),
              data<float>(result.nestedMap));
    parallelRows(nested, 8, [&](std::int64_t begin, std::int64_t end) {
        kernels::quantizeAbsmax(data<float>(absmax), blocks, static_cast<float>(result.offset),
                                data<std::uint8_t>(result.absmax), data<float>(result.nestedAbsmax), begin,
                                end);
    });
    return result;
}

void dequantizeNf4(const Nf4& weight, at::ScalarType stored, at::Tensor& out) {
    const std::int64_t n = elementsOf(weight), blocks = divideUp(n, kernels::kNf4Block);
    require(out.numel() == n && out.is_contiguous(), "dequantizeNf4", "an output of the weight's shape", out);
    kernels::Nf4Source source{data<std::uint8_t>(weight.codes), nullptr, nullptr, nullptr, nullptr,
                              static_cast<float>(weight.offset)};
    if (weight.doubleQuantised()) {
        source.absmaxCodes = data<std::uint8_t>(weight.absmax);
        source.nestedAbsmax = data<float>(weight.nestedAbsmax);
        source.nestedMap = data<float>(weight.nestedMap);
    } else {
        source.absmax = data<float>(weight.absmax);
    }
    const auto type = storedType(stored);
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

}  // namespace caravan::engine::ops
