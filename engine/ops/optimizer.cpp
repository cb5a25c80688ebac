// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "engine/ops/parallel.h"
#include "engine/ops/support.h"
#include "kernels/adamw/adamw.h"

namespace caravan::engine::ops {
namespace {

constexpr std::int64_t kGrain = 65536;

}  // namespace

at::Tensor gradientNorm(const std::vector<at::Tensor>& flatGradients) {
    double sum = 0;
    for (const at::Tensor& g : flatGradients) {
        require(g.is_contiguous(), "gradientNorm", "contiguous gradients", g);
        const std::int64_t blocks = (g.numel() + kernels::kSquareBlock - 1) / kernels::kSquareBlock;
        std::vector<double> partial(static_cast<std::size_t>(blocks));
        forReal("gradientNorm", g, [&](auto type) {
            using T = decltype(type);
            parallelRows(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
                kernels::squareSums(data<T>(g), g.numel(), partial.data(), begin, end);
            });
        });
        for (const double p : partial)
            sum += p;
    }
    return at::full({}, std::sqrt(sum), at::kFloat);
}

void adamW(at::Tensor& parameters, const at::Tensor& gradients, at::Tensor& m, at::Tensor& v,
           const AdamW& options, const at::Tensor& scale, const at::Tensor& finite) {
    require(parameters.is_contiguous() && gradients.is_contiguous(), "adamW", "contiguous buffers",
            parameters);
    require(gradients.numel() == parameters.numel(), "adamW", "gradients like the parameters", gradients);
    require(m.numel() == parameters.numel() && v.numel() == parameters.numel(), "adamW",
            "states like the parameters", m);
    if (finite.defined() && finite.item<float>() == 0) return;
    const double gradientScale = scale.defined() ? scale.item<double>() : 1.0;
    const double steps = static_cast<double>(options.step);
    const kernels::AdamWStep step{options.learningRate,
                                  options.beta1,
                                  options.beta2,
                                  options.eps,
                                  options.weightDecay,
                                  1 - std::pow(options.beta1, steps),
                                  1 - std::pow(options.beta2, steps)};
    forReal("adamW", parameters, [&](auto type) {
        using T = decltype(type);
        const kernels::AdamWBuffers<T> buffers{data<T>(parameters), data<T>(gradients), data<T>(m),
                                               data<T>(v)};
        parallelRows(parameters.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
            kernels::adamWRange(buffers, step, gradientScale, begin, end);
        });
    });
}

}  // namespace caravan::engine::ops
