// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <optional>

#include "engine/ops/dispatch.h"
#include "engine/ops/parallel.h"
#include "engine/ops/timeline.h"
#include "kernels/adamw/adamw8.h"
#include "kernels/rounding/rounding.h"

namespace caravan::engine::ops {
namespace {

constexpr std::int64_t kGrain = 65536;

bool isBf16(const at::Tensor& x) {
    return x.scalar_type() == at::kBFloat16;
}

// [blocks] fp64 sums of squares
at::Tensor partialSquares(const at::Tensor& g) {
    const std::int64_t blocks = (g.numel() + kernels::kSquareBlock - 1) / kernels::kSquareBlock;
    at::Tensor partial = at::empty({blocks}, like(g, at::kDouble));
    if (g.is_cuda()) {
        checkLaunch("gradientNorm", cudaTable().squareSums(elementOf("gradientNorm", g), g.data_ptr(),
                                                           g.numel(), data<double>(partial), streamOf(g)));
        return partial;
    }
    const auto sumOf = [&](const auto* values) {
        parallelRows(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
            kernels::squareSums(values, g.numel(), data<double>(partial), begin, end);
        });
    };
    if (isBf16(g)) {
        sumOf(data<const std::uint16_t>(g));
        return partial;
    }
    forReal("gradientNorm", g, [&](auto type) { sumOf(data<const decltype(type)>(g)); });
    return partial;
}

// The only fp32 value of a device tensor, or null.
const float* single(const at::Tensor& x) {
    if (!x.defined()) return nullptr;
    require(x.is_cuda() && x.scalar_type() == at::kFloat && x.numel() == 1, "adamW", "one fp32 on the device",
            x);
    return data<float>(x);
}

kernels::AdamWStep stepOf(const AdamW& o) {
    const auto steps = static_cast<double>(o.step);
    return {o.learningRate,
            o.beta1,
            o.beta2,
            o.eps,
            o.weightDecay,
            1 - std::pow(o.beta1, steps),
            1 - std::pow(o.beta2, steps),
            o.step};
}

void checkBuffers(const at::Tensor& parameters, const at::Tensor& gradients) {
    require(parameters.is_contiguous() && gradients.is_contiguous(), "adamW", "contiguous buffers",
            parameters);
    require(gradients.numel() == parameters.numel(), "adamW", "gradients like the parameters", gradients);
}

// The key where values are rounded at random, else null.
std::optional<kernels::PhiloxKey> roundingOf(const at::Tensor& parameters, const AdamW& options) {
    if (!isBf16(parameters) || !options.rounding) return std::nullopt;
    return philoxKey(*options.rounding);
}
kernels::cuda::ParameterRounding deviceRounding(const std::optional<kernels::PhiloxKey>& key) {
    return {key.value_or(kernels::PhiloxKey{}), key.has_value()};
}

void adamWOnDevice(at::Tensor& parameters, const at::Tensor& gradients, at::Tensor& m, at::Tensor& v,
                   const AdamW& options, const at::Tensor& scale, const at::Tensor& finite,
                   const at::Tensor& working) {
    require(m.scalar_type() == at::kFloat && v.scalar_type() == at::kFloat, "adamW", "fp32 states", m);
    const kernels::cuda::AdamWTensors tensors{elementOf("adamW", parameters),
                                              elementOf("adamW", gradients),
                                              parameters.data_ptr(),
                                              gradients.data_ptr(),
                                              data<float>(m),
                                              data<float>(v),
                                              single(scale),
                                              single(finite),
                                              parameters.numel(),
                                              working.defined() ? working.data_ptr() : nullptr,
                                              deviceRounding(roundingOf(parameters, options))};
    checkLaunch("adamW", cudaTable().adamW(tensors, stepOf(options), streamOf(parameters)));
}

void adamWBf16(at::Tensor& parameters, const at::Tensor& gradients, at::Tensor& m, at::Tensor& v,
               const AdamW& options, double gradientScale) {
    require(isBf16(gradients), "adamW", "bf16 gradients of bf16 parameters", gradients);
    const auto key = roundingOf(parameters, options);
    const auto step = stepOf(options);
    const kernels::AdamWBf16Buffers buffers{data<std::uint16_t>(parameters),
                                            data<const std::uint16_t>(gradients), data<float>(m),
                                            data<float>(v)};
    parallelRows(parameters.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
        kernels::adamWBf16Range(buffers, step, gradientScale, key ? &*key : nullptr, begin, end);
    });
}

// On the host.
void adamW8Bf16(at::Tensor& parameters, const at::Tensor& gradients, AdamW8State& state, const AdamW& options,
                double gradientScale) {
    const auto key = roundingOf(parameters, options);
    const auto step = stepOf(options);
    const kernels::AdamW8Bf16Buffers buffers{
        data<std::uint16_t>(parameters),  data<const std::uint16_t>(gradients),
        data<std::uint8_t>(state.codes1), data<std::uint8_t>(state.codes2),
        data<float>(state.absmax1),       data<float>(state.absmax2)};
    parallelRows(state.absmax1.numel(), 64, [&](std::int64_t begin, std::int64_t end) {
        kernels::adamW8Bf16Blocks(buffers, step, gradientScale, key ? &*key : nullptr, parameters.numel(),
                                  begin, end);
    });
}

}  // namespace

at::Tensor gradientNorm(const std::vector<at::Tensor>& flatGradients) {
    const PartScope scope(Part::Optimizer);
    require(!flatGradients.empty(), "gradientNorm", "at least one buffer", {});
    std::vector<at::Tensor> sums;
    for (const at::Tensor& g : flatGradients) {
        require(g.is_contiguous(), "gradientNorm", "contiguous gradients", g);
        sums.push_back(partialSquares(g));
    }
    return at::cat(sums).sum().sqrt().to(at::kFloat);
}

void adamW(at::Tensor& parameters, const at::Tensor& gradients, at::Tensor& m, at::Tensor& v,
           const AdamW& options, const at::Tensor& scale, const at::Tensor& finite,
           const at::Tensor& working) {
    const PartScope scope(Part::Optimizer);
    checkBuffers(parameters, gradients);
    require(!working.defined() || (working.scalar_type() == at::kBFloat16 &&
                                   working.numel() == parameters.numel() && working.is_contiguous()),
            "adamW", "a bf16 copy like the parameters", working);
    require(m.numel() == parameters.numel() && v.numel() == parameters.numel(), "adamW",
            "states like the parameters", m);
    if (parameters.is_cuda()) {
        adamWOnDevice(parameters, gradients, m, v, options, scale, finite, working);
        return;
    }
    const auto step = stepOf(options);
    if (finite.defined() && finite.item<float>() == 0) return;
    const double gradientScale = scale.defined() ? scale.item<double>() : 1.0;
    if (isBf16(parameters)) {
        adamWBf16(parameters, gradients, m, v, options, gradientScale);
        return;
    }
    forReal("adamW", parameters, [&](auto type) {
        using T = decltype(type);
        const kernels::AdamWBuffers<T> buffers{data<T>(parameters), data<T>(gradients), data<T>(m),
                                               data<T>(v)};
        parallelRows(parameters.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
            kernels::adamWRange(buffers, step, gradientScale, begin, end);
        });
    });
    if (working.defined()) working.copy_(parameters);
}

AdamW8State adamW8State(const at::Tensor& parameters) {
    const std::int64_t n = parameters.numel(), blocks = (n + kernels::kStateBlock - 1) / kernels::kStateBlock;
    const auto codes = like(parameters, at::kByte), scales = like(parameters, at::kFloat);
    return {at::zeros({n}, codes), at::zeros({n}, codes), at::zeros({blocks}, scales),
            at::zeros({blocks}, scales)};
}

void adamW8bit(at::Tensor& parameters, const at::Tensor& gradients, AdamW8State& state, const AdamW& options,
               const at::Tensor& scale, const at::Tensor& finite) {
    const PartScope scope(Part::Optimizer);
    checkBuffers(parameters, gradients);
    require(state.codes1.numel() == parameters.numel() && state.codes2.numel() == parameters.numel(),
            "adamW8bit", "states like the parameters", state.codes1);
    const std::int64_t count = parameters.numel();
    auto* codes1 = data<std::uint8_t>(state.codes1);
    auto* codes2 = data<std::uint8_t>(state.codes2);
    auto* absmax1 = data<float>(state.absmax1);
    auto* absmax2 = data<float>(state.absmax2);
    if (parameters.is_cuda()) {
        const kernels::cuda::AdamW8Tensors tensors{elementOf("adamW8bit", parameters),
                                                   elementOf("adamW8bit", gradients),
                                                   parameters.data_ptr(),
                                                   gradients.data_ptr(),
                                                   codes1,
                                                   codes2,
                                                   absmax1,
                                                   absmax2,
                                                   single(scale),
                                                   single(finite),
                                                   count,
                                                   deviceRounding(roundingOf(parameters, options))};
        checkLaunch("adamW8bit", cudaTable().adamW8(tensors, stepOf(options), streamOf(parameters)));
        return;
    }
    if (finite.defined() && finite.item<float>() == 0) return;
    const double gradientScale = scale.defined() ? scale.item<double>() : 1.0;
    if (isBf16(parameters) && isBf16(gradients)) {
        adamW8Bf16(parameters, gradients, state, options, gradientScale);
        return;
    }
    const at::Tensor p = parameters.to(at::kFloat), g = gradients.to(at::kFloat);
    const kernels::AdamW8Buffers buffers{data<float>(p),
                                         data<float>(g),
                                         codes1,
                                         codes2,
                                         absmax1,
                                         absmax2,
                                         parameters.scalar_type() == at::kBFloat16};
    parallelRows(state.absmax1.numel(), 64, [&](std::int64_t begin, std::int64_t end) {
        kernels::adamW8Blocks(buffers, stepOf(options), gradientScale, count, begin, end);
    });
    if (!p.is_same(parameters)) parameters.copy_(p);
}

}  // namespace caravan::engine::ops
