// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "kernels/common/dependent.cuh"
#include "kernels/common/device.cuh"
#include "kernels/decode_experts/decode_experts.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kWarpsPerBlock = 8, kBlock = kWarpsPerBlock * 32, kMost = 256;

struct Chosen {
    int expert[kDecodeChoices];
    float weight[kDecodeChoices];
};

// By warp 0 of every block: k rounds of the highest logit left. Ends with a barrier.
__device__ __forceinline__ void choose(const ExpertChoice& c, Chosen& out, bool note) {
    const int lane = threadIdx.x;
    if (threadIdx.x < 32) {
        float rank[kMost / 32];
#pragma unroll
        for (int i = 0; i < kMost / 32; ++i) {
            const int e = i * 32 + lane;
            float value = e < c.experts ? __ldcg(c.logits + e) : 0;
            if (e < c.experts && c.bias) value += c.bias[e];
            if (note && e < c.experts) c.noted[e] = value;
            if (e < c.experts && c.preference) value += c.preference[e];
            rank[i] = e < c.experts && !isnan(value) ? value : -INFINITY;
        }
        float score = -INFINITY;
        std::uint32_t used = 0;
        for (int j = 0; j < c.k; ++j) {
            float best = -INFINITY;
            int expert = kMost;
#pragma unroll
            for (int i = 0; i < kMost / 32; ++i) {
                const int e = i * 32 + lane;
                if (e < c.experts && !(used >> i & 1u) && (expert == kMost || rank[i] > best))
                    best = rank[i], expert = e;
            }
#pragma unroll
            for (int offset = 16; offset > 0; offset /= 2) {
                const float other = __shfl_xor_sync(0xFFFFFFFFu, best, offset);
                const int from = __shfl_xor_sync(0xFFFFFFFFu, expert, offset);
                if (from < kMost && (expert == kMost || other > best || (other == best && from < expert)))
                    best = other, expert = from;
            }
            if (expert % 32 == lane) used |= 1u << (expert / 32);
            if (lane == j) {
                out.expert[j] = expert;
                score = __ldcg(c.logits + expert) + (c.bias ? c.bias[expert] : 0.0f) +
                        (c.preference ? fminf(0.0f, c.preference[expert]) : 0.0f);
            }
        }
        const float top = warpReduce(score, Larger{});
        const float power = lane < c.k ? expf(score - top) : 0.0f, sum = warpReduce(power, Plus{});
        if (lane < c.k) {
            out.weight[lane] = power / sum;
            if (note) c.chosen[lane] = out.expert[lane], c.weights[lane] = power / sum;
        }
    }
    __syncthreads();
}

template <class T>
__device__ __forceinline__ float dotRow(const T* w, const float* x, std::int64_t n, bool vectors) {
    const int lane = threadIdx.x & 31;
    float sum = 0;
    if (vectors) {
#pragma unroll 8
        for (std::int64_t i = lane * 8; i < n; i += 256) {
            const Eight<T> a = loadEight(w + i);
            const Eight<float> b = loadEight(x + i);
#pragma unroll
            for (int j = 0; j < 8; ++j)
                sum += a.v[j] * b.v[j];
        }
    } else {
        for (std::int64_t i = lane; i < n; i += 32)
            sum += toFloat(w[i]) * x[i];
    }
    return sum;
}
template <class T>
__device__ __forceinline__ void prefetchRow(const T* w, std::int64_t n) {
    const char* from = reinterpret_cast<const char*>(w);
    for (std::int64_t i = (threadIdx.x & 31) * 128; i < n * static_cast<std::int64_t>(sizeof(T));
         i += 32 * 128)
        prefetchL2(from + i);
}

// A warp per row of the chosen experts.
template <class T>
__global__ __launch_bounds__(kBlock) void downKernel(ExpertChoice choice, ExpertShape shape, const T* u,
                                                     const T* down, float* hidden, bool vectors) {
    extern __shared__ __align__(16) float input[];
    __shared__ Chosen chosen;
    choose(choice, chosen, false);
    const std::int64_t first = blockIdx.x * std::int64_t{kWarpsPerBlock} + (threadIdx.x >> 5),
                       stride = gridDim.x * std::int64_t{kWarpsPerBlock}, rows = choice.k * shape.size;
    const auto rowAt = [&](std::int64_t i) {
        return down + (chosen.expert[i / shape.size] * shape.size + i % shape.size) * shape.width;
    };
    for (std::int64_t i = first; i < rows; i += stride)
        prefetchRow(rowAt(i), shape.width);
    previousDone();
    allowNext();
    if (blockIdx.x == 0) choose(choice, chosen, true);
    for (std::int64_t i = threadIdx.x; i < shape.width; i += kBlock)
        input[i] = toFloat(u[i]);
    __syncthreads();
    for (std::int64_t i = first; i < rows; i += stride) {
        const float h = warpReduce(dotRow(rowAt(i), input, shape.width, vectors), Plus{});
        if ((threadIdx.x & 31) == 0) hidden[i] = 0.5f * h * erfcf(-0.70710678118654752f * h);
    }
}

// A warp per column of the model's width: all chosen experts behind each other.
template <class T>
__global__ __launch_bounds__(kBlock) void upKernel(ExpertChoice choice, ExpertShape shape, const T* u,
                                                   const T* up, const float* hidden, float scaling,
                                                   const T* residual, T* out, bool vectors) {
    extern __shared__ __align__(16) float input[];
    __shared__ Chosen chosen;
    choose(choice, chosen, false);
    const std::int64_t first = blockIdx.x * std::int64_t{kWarpsPerBlock} + (threadIdx.x >> 5),
                       stride = gridDim.x * std::int64_t{kWarpsPerBlock};
    const auto rowAt = [&](std::int64_t i, int j) {
        return up + (chosen.expert[j] * shape.width + i) * shape.size;
    };
    for (std::int64_t i = first; i < shape.width; i += stride)
        for (int j = 0; j < choice.k; ++j)
            prefetchRow(rowAt(i, j), shape.size);
    previousDone();
    allowNext();
    for (std::int64_t i = threadIdx.x; i < choice.k * shape.size; i += kBlock)
        input[i] = hidden[i] * chosen.weight[i / shape.size];
    __syncthreads();
    for (std::int64_t i = first; i < shape.width; i += stride) {
        float sum = 0;
        for (int j = 0; j < choice.k; ++j)
            sum += dotRow(rowAt(i, j), input + j * shape.size, shape.size, vectors);
        sum = warpReduce(sum, Plus{});
        if ((threadIdx.x & 31) != 0) continue;
        const float y = toFloat(fromFloat<T>(toFloat(u[i]) + scaling * sum));
        out[i] = fromFloat<T>(y + (residual ? toFloat(residual[i]) : 0.0f));
    }
}

bool aligned(const void* p) {
    return reinterpret_cast<std::uintptr_t>(p) % 16 == 0;
}
dim3 blocksOf(std::int64_t rows) {
    return dim3(
        std::min(static_cast<unsigned>(deviceTraits().multiprocessors), blocksFor(rows, kWarpsPerBlock)));
}
bool valid(const ExpertChoice& c) {
    return c.experts >= 1 && c.experts <= kMost && c.k >= 1 && c.k <= c.experts && c.k <= kDecodeChoices;
}

}  // namespace

int decodeExpertsDown(Element element, const ExpertChoice& choice, const ExpertShape& shape, const void* u,
                      const void* down, float* hidden, Stream stream) {
    if (!valid(choice)) return static_cast<int>(cudaErrorInvalidValue);
    int error = 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        error = launchDependent(downKernel<T>, blocksOf(choice.k * shape.size), kBlock,
                                static_cast<std::size_t>(shape.width) * 4, stream, choice, shape,
                                static_cast<const T*>(u), static_cast<const T*>(down), hidden,
                                shape.width % 8 == 0 && aligned(down));
    });
    return error;
}

int decodeExpertsUp(Element element, const ExpertChoice& choice, const ExpertShape& shape, const void* u,
                    const void* up, const float* hidden, float scaling, const void* residual, void* out,
                    Stream stream) {
    if (!valid(choice)) return static_cast<int>(cudaErrorInvalidValue);
    int error = 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        error = launchDependent(
            upKernel<T>, blocksOf(shape.width), kBlock, static_cast<std::size_t>(choice.k * shape.size) * 4,
            stream, choice, shape, static_cast<const T*>(u), static_cast<const T*>(up), hidden, scaling,
            static_cast<const T*>(residual), static_cast<T*>(out), shape.size % 8 == 0 && aligned(up));
    });
    return error;
}

}  // namespace caravan::kernels::cuda
