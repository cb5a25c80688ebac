// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/adamw/adamw.h"
#include "kernels/adamw/rounded.cuh"
#include "kernels/common/device.cuh"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void squareKernel(const T* x, std::int64_t n, double* partial) {
    const std::int64_t first = blockIdx.x * kSquareBlock, last = min(n, first + kSquareBlock);
    double sum = 0;
    if (sizeof(T) == 4 && (last - first) % 4 == 0 && reinterpret_cast<std::uintptr_t>(x) % 16 == 0) {
        const auto* fours = reinterpret_cast<const float4*>(x);
        for (std::int64_t i = first / 4 + threadIdx.x; i < last / 4; i += blockDim.x) {
            const float4 v = fours[i];
            const double a = v.x, b = v.y, c = v.z, d = v.w;
            sum += a * a + b * b + (c * c + d * d);
        }
    } else {
        for (std::int64_t i = first + threadIdx.x; i < last; i += blockDim.x) {
            const double v = static_cast<double>(toFloat(x[i]));
            sum += v * v;
        }
    }
    sum = blockReduce(sum, 0.0, Plus{});
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

struct Rates {
    float b1, b2, a1, a2, keep, rate, eps, root;
};

template <class P, class G>
__global__ void adamWKernel(P* parameters, const G* gradients, float* m, float* v, Bf16* working, Rates r,
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
        if (working != nullptr) working[i] = fromFloat<Bf16>(toFloat(parameters[i]));
    }
}

// fp32 parameters and gradients, four neighbours a thread: the same arithmetic per element.
__global__ void adamWWideKernel(float4* parameters, const float4* gradients, float4* m, float4* v,
                                uint2* working, Rates r, const float* gradientScale, const float* finite,
                                std::int64_t fours) {
    const std::int64_t at = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (at >= fours || (finite != nullptr && *finite == 0.0f)) return;
    const float scale = gradientScale != nullptr ? *gradientScale : 1.0f;
    float4 p = parameters[at], g = gradients[at], first = m[at], second = v[at];
    const auto one = [&](float& parameter, float gradient, float& moment, float& square) {
        const float scaled = gradient * scale;
        moment = r.b1 * moment + r.a1 * scaled;
        square = r.b2 * square + r.a2 * scaled * scaled;
        parameter = parameter * r.keep - r.rate * moment / (sqrtf(square) * r.root + r.eps);
    };
    one(p.x, g.x, first.x, second.x);
    one(p.y, g.y, first.y, second.y);
    one(p.z, g.z, first.z, second.z);
    one(p.w, g.w, first.w, second.w);
    parameters[at] = p;
    m[at] = first;
    v[at] = second;
    if (working != nullptr) working[at] = make_uint2(packBf16(p.x, p.y), packBf16(p.z, p.w));
}

// bf16 parameters and gradients, eight neighbours a thread, rounded as asked.
__global__ void adamWBf16Kernel(Bf16* parameters, const Bf16* gradients, float* m, float* v, Rates r,
                                ParameterRounding rounding, const float* gradientScale, const float* finite,
                                std::int64_t n) {
    const std::int64_t at = (blockIdx.x * std::int64_t{kThreads} + threadIdx.x) * 8;
    if (at >= n || (finite != nullptr && *finite == 0.0f)) return;
    const float scale = gradientScale != nullptr ? *gradientScale : 1.0f;
    const Eight<Bf16> p = loadEight(parameters + at), g = loadEight(gradients + at);
    const Eight<float> first = loadEight(m + at), second = loadEight(v + at);
    float value[8], moment[8], square[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        const float scaled = g.v[i] * scale;
        moment[i] = r.b1 * first.v[i] + r.a1 * scaled;
        square[i] = r.b2 * second.v[i] + r.a2 * scaled * scaled;
        value[i] = p.v[i] * r.keep - r.rate * moment[i] / (sqrtf(square[i]) * r.root + r.eps);
    }
    roundEight(rounding, at, value);
    storeEight(parameters + at, value);
    storeEight(m + at, moment);
    storeEight(v + at, square);
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
    auto* working = static_cast<Bf16*>(t.working);
    const bool wide = t.parameterElement == Element::F32 && t.gradientElement == Element::F32 &&
                      t.count % 4 == 0 && aligned16(t.parameters) && aligned16(t.gradients) &&
                      aligned16(t.m) && aligned16(t.v) && aligned16(working);
    if (wide) {
        adamWWideKernel<<<blocksFor(t.count / 4, kThreads), kThreads, 0, stream>>>(
            static_cast<float4*>(t.parameters), static_cast<const float4*>(t.gradients),
            reinterpret_cast<float4*>(t.m), reinterpret_cast<float4*>(t.v), reinterpret_cast<uint2*>(working),
            rates, t.gradientScale, t.finite, t.count / 4);
        return launched();
    }
    const bool bf16 = t.parameterElement == Element::BF16 && t.gradientElement == Element::BF16 &&
                      t.count % 8 == 0 && working == nullptr && aligned16(t.parameters) &&
                      aligned16(t.gradients) && aligned16(t.m) && aligned16(t.v);
    if (bf16) {
        adamWBf16Kernel<<<blocksFor(t.count, kThreads * 8), kThreads, 0, stream>>>(
            static_cast<Bf16*>(t.parameters), static_cast<const Bf16*>(t.gradients), t.m, t.v, rates,
            t.rounding, t.gradientScale, t.finite, t.count);
        return launched();
    }
    if (t.rounding.atRandom) return static_cast<int>(cudaErrorInvalidValue);  // whole eights alone
    const unsigned blocks = min(blocksFor(t.count, kThreads), 16384u);
    forElement(t.parameterElement, [&](auto parameterType) {
        using P = decltype(parameterType);
        forElement(t.gradientElement, [&](auto gradientType) {
            using G = decltype(gradientType);
            adamWKernel<P, G><<<blocks, kThreads, 0, stream>>>(
                static_cast<P*>(t.parameters), static_cast<const G*>(t.gradients), t.m, t.v, working, rates,
                t.gradientScale, t.finite, t.count);
        });
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
