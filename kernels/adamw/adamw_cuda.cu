// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/adamw/adamw.h"
#include "kernels/common/device.cuh"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void squareKernel(const T* x, std::int64_t n, double* partial) {
    const std::int64_t first = blockIdx.x * kSquareBlock, last = min(n, first + kSquareBlock);
    double sum = 0;
    for (std::int64_t i = first + threadIdx.x; i < last; i += blockDim.x) {
        const double v = static_cast<double>(toFloat(x[i]));
        sum += v * v;
    }
    sum = blockReduce(sum, 0.0, Plus{});
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

struct Rates {
    float b1, b2, a1, a2, keep, rate, eps, root;
};

template <class P, class G>
__global__ void adamWKernel(P* parameters, const G* gradients, float* m, float* v, Rates r,
                            const float* gradientScale, const float* finite, std::int64_t n) {
    if (finite != nullptr && *finite == 0.0f) return;
    const float scale = gradientScale != nullptr ? *gradientScale : 1.0f;
    for (std::int64_t i = blockIdx.x * std::int64_t{kThreads} + threadIdx.x; i < n;
         i += std::int64_t{gridDim.x} * kThreads) {
        const float g = toFloat(gradients[i]) * scale;
        const float first = r.b1 * m[i] + r.a1 * g, second = r.b2 * v[i] + r.a2 * g * g;
        m[i] = first;
        v[i] = second;
        parameters[i] =
            fromFloat<P>(toFloat(parameters[i]) * r.keep - r.rate * first / (sqrtf(second) * r.root + r.eps));
    }
}

}  // namespace

int squareSums(Element element, const void* x, std::int64_t n, double* partial, Stream stream) {
    if (n == 0) return 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        squareKernel<T>
            <<<blocksFor(n, kSquareBlock), 1024, 0, stream>>>(static_cast<const T*>(x), n, partial);
    });
    return launched();
}

int adamW(const AdamWTensors& t, const AdamWStep& step, Stream stream) {
    if (t.count == 0) return 0;
    const Rates rates{static_cast<float>(step.beta1),
                      static_cast<float>(step.beta2),
                      static_cast<float>(1 - step.beta1),
                      static_cast<float>(1 - step.beta2),
                      static_cast<float>(1 - step.learningRate * step.weightDecay),
                      static_cast<float>(step.learningRate / step.correction1),
                      static_cast<float>(step.eps),
                      static_cast<float>(1 / sqrt(step.correction2))};
    const unsigned blocks = min(blocksFor(t.count, kThreads), 16384u);
    forElement(t.parameterElement, [&](auto parameterType) {
        using P = decltype(parameterType);
        forElement(t.gradientElement, [&](auto gradientType) {
            using G = decltype(gradientType);
            adamWKernel<P, G><<<blocks, kThreads, 0, stream>>>(static_cast<P*>(t.parameters),
                                                               static_cast<const G*>(t.gradients), t.m, t.v,
                                                               rates, t.gradientScale, t.finite, t.count);
        });
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
