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

// By warp 0 of every block: k rounds of the highest logit left, 32 Slots experts at most. Ends with a
// barrier.
template <int Slots>
__device__ __forceinline__ void chooseAmong(const ExpertChoice& c, Chosen& out, bool note) {
    const int lane = threadIdx.x;
    if (threadIdx.x < 32) {
        float rank[Slots];
#pragma unroll
        for (int i = 0; i < Slots; ++i) {
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
            for (int i = 0; i < Slots; ++i) {
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

__device__ __forceinline__ void choose(const ExpertChoice& c, Chosen& out, bool note) {
    if (c.experts <= 32)
        chooseAmong<1>(c, out, note);
    else
        chooseAmong<kMost / 32>(c, out, note);
}

// Sixteen bytes of bf16, or as many fp32 values.
template <class T>
struct Chunk;
template <>
struct Chunk<Bf16> {
    uint4 raw;
    __device__ __forceinline__ void load(const Bf16* p) {
        asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
                     : "=r"(raw.x), "=r"(raw.y), "=r"(raw.z), "=r"(raw.w)
                     : "l"(p));
    }
    __device__ __forceinline__ float dot(const float* x) const {
        const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
        float sum = 0;
#pragma unroll
        for (int i = 0; i < 4; ++i)
            sum += __uint_as_float(words[i] << 16) * x[2 * i] +
                   __uint_as_float(words[i] & 0xFFFF0000u) * x[2 * i + 1];
        return sum;
    }
};
template <>
struct Chunk<float> {
    Eight<float> e;
    __device__ __forceinline__ void load(const float* p) { e = loadEight(p); }
    __device__ __forceinline__ float dot(const float* x) const {
        float sum = 0;
#pragma unroll
        for (int i = 0; i < 8; ++i)
            sum += e.v[i] * x[i];
        return sum;
    }
};

constexpr int kHeld = 8;  // chunks of a lane that are loaded ahead of the previous kernel's end

// Unit = (row of the chosen experts, slice of kHeld * 256 inputs); the slices of a row are neighbouring warps
// of a block.
template <class T>
__global__ __launch_bounds__(kBlock, 2) void downKernel(ExpertChoice choice, ExpertShape shape, const T* u,
                                                        const T* down, float* hidden, int slices) {
    __shared__ Chosen chosen, noted;  // noted: the other warps may still read chosen
    __shared__ float parts[kWarpsPerBlock];
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, slice = warp % slices,
              perBlock = kWarpsPerBlock / slices;
    const int width = static_cast<int>(shape.width), size = static_cast<int>(shape.size),
              rows = static_cast<int>(choice.k) * size;
    const int begin = slice * (kHeld * 256) + lane * 8;
    choose(choice, chosen, false);
    bool ahead = true;
    for (int base = static_cast<int>(blockIdx.x) * perBlock; base < rows || ahead;
         base += static_cast<int>(gridDim.x) * perBlock) {
        const int row = base + warp / slices;
        Chunk<T> w[kHeld];
        if (row < rows) {
            const T* from = down + (std::int64_t{chosen.expert[row / size]} * size + row % size) * width;
#pragma unroll
            for (int i = 0; i < kHeld; ++i)
                if (begin + i * 256 < width) w[i].load(from + begin + i * 256);
        }
        if (ahead) {
            previousDone();
            allowNext();
            if (blockIdx.x == 0) choose(choice, noted, true);
            ahead = false;
        }
        float sum = 0;
        if (row < rows) {
#pragma unroll
            for (int i = 0; i < kHeld; ++i)
                if (begin + i * 256 < width) {
                    const Eight<T> x = loadEight(u + begin + i * 256);
                    sum += w[i].dot(x.v);
                }
        }
        sum = warpReduce(sum, Plus{});
        if (lane == 0) parts[warp] = sum;
        __syncthreads();
        if (threadIdx.x < perBlock && base + static_cast<int>(threadIdx.x) < rows) {
            float h = 0;
            for (int i = 0; i < slices; ++i)
                h += parts[threadIdx.x * slices + i];
            hidden[base + threadIdx.x] = 0.5f * h * erfcf(-0.70710678118654752f * h);
        }
        __syncthreads();
    }
}

// A warp takes `group` neighbouring columns of the model's width at once; the chosen experts' rows of one lie
// behind each other in `chunks` chunks.
template <class T>
__global__ __launch_bounds__(kBlock, 2) void upKernel(ExpertChoice choice, ExpertShape shape, const T* u,
                                                      const T* up, const float* hidden, float scaling,
                                                      const T* residual, T* out, int chunks, int group) {
    __shared__ Chosen chosen;
    const int lane = threadIdx.x & 31, width = static_cast<int>(shape.width),
              size = static_cast<int>(shape.size);
    const int perExpert = chunks / static_cast<int>(choice.k);
    choose(choice, chosen, false);
    bool ahead = true;
    const int stride = static_cast<int>(gridDim.x) * kWarpsPerBlock * group;
    for (int base = (static_cast<int>(blockIdx.x) * kWarpsPerBlock + (threadIdx.x >> 5)) * group;
         base < width || ahead; base += stride) {
        Chunk<T> w[kHeld];
        float rest[2] = {};  // u and the residual of column base + lane
#pragma unroll
        for (int i = 0; i < kHeld; ++i) {
            const int row = base + i / chunks, at = i % chunks, j = at / perExpert,
                      begin = at % perExpert * 256 + lane * 8;
            if (i < group * chunks && row < width && begin < size)
                w[i].load(up + (std::int64_t{chosen.expert[j]} * width + row) * size + begin);
        }
        if (ahead) {
            previousDone();
            allowNext();
            ahead = false;
        }
        if (lane < group && base + lane < width) {
            rest[0] = toFloat(u[base + lane]);
            if (residual) rest[1] = toFloat(residual[base + lane]);
        }
        float mine = 0, sum = 0;
#pragma unroll
        for (int i = 0; i < kHeld; ++i) {
            const int row = base + i / chunks, at = i % chunks, j = at / perExpert,
                      begin = at % perExpert * 256 + lane * 8;
            if (i >= group * chunks || row >= width) break;
            if (begin < size) sum += chosen.weight[j] * w[i].dot(loadEight(hidden + j * size + begin).v);
            if (at + 1 < chunks) continue;
            sum = warpReduce(sum, Plus{});
            if (lane == i / chunks) mine = sum;
            sum = 0;
        }
        if (lane < group && base + lane < width)
            out[base + lane] = fromFloat<T>(toFloat(fromFloat<T>(rest[0] + scaling * mine)) + rest[1]);
    }
}

// The same for any shape: one warp a row, element by element.
template <class T>
__global__ __launch_bounds__(kBlock) void plainDownKernel(ExpertChoice choice, ExpertShape shape, const T* u,
                                                          const T* down, float* hidden) {
    __shared__ Chosen chosen;
    previousDone();
    allowNext();
    choose(choice, chosen, blockIdx.x == 0);
    const std::int64_t rows = choice.k * shape.size;
    for (std::int64_t i = blockIdx.x * std::int64_t{kWarpsPerBlock} + (threadIdx.x >> 5); i < rows;
         i += gridDim.x * std::int64_t{kWarpsPerBlock}) {
        const T* w = down + (chosen.expert[i / shape.size] * shape.size + i % shape.size) * shape.width;
        float h = 0;
        for (std::int64_t c = threadIdx.x & 31; c < shape.width; c += 32)
            h += toFloat(w[c]) * toFloat(u[c]);
        h = warpReduce(h, Plus{});
        if ((threadIdx.x & 31) == 0) hidden[i] = 0.5f * h * erfcf(-0.70710678118654752f * h);
    }
}

template <class T>
__global__ __launch_bounds__(kBlock) void plainUpKernel(ExpertChoice choice, ExpertShape shape, const T* u,
                                                        const T* up, const float* hidden, float scaling,
                                                        const T* residual, T* out) {
    __shared__ Chosen chosen;
    previousDone();
    allowNext();
    choose(choice, chosen, false);
    for (std::int64_t i = blockIdx.x * std::int64_t{kWarpsPerBlock} + (threadIdx.x >> 5); i < shape.width;
         i += gridDim.x * std::int64_t{kWarpsPerBlock}) {
        float sum = 0;
        for (int j = 0; j < choice.k; ++j) {
            const T* w = up + (chosen.expert[j] * shape.width + i) * shape.size;
            float part = 0;
            for (std::int64_t c = threadIdx.x & 31; c < shape.size; c += 32)
                part += toFloat(w[c]) * hidden[j * shape.size + c];
            sum += chosen.weight[j] * part;
        }
        sum = warpReduce(sum, Plus{});
        if ((threadIdx.x & 31) != 0) continue;
        const float y = toFloat(fromFloat<T>(toFloat(u[i]) + scaling * sum));
        out[i] = fromFloat<T>(y + (residual ? toFloat(residual[i]) : 0.0f));
    }
}

bool aligned(const void* p) {
    return reinterpret_cast<std::uintptr_t>(p) % 16 == 0;
}
// Two blocks a multiprocessor: the next kernel's find room beside them.
dim3 blocksOf(std::int64_t units, std::int64_t perBlock) {
    return dim3(
        std::min(2 * static_cast<unsigned>(deviceTraits().multiprocessors), blocksFor(units, perBlock)));
}
bool valid(const ExpertChoice& c) {
    return c.experts >= 1 && c.experts <= kMost && c.k >= 1 && c.k <= c.experts && c.k <= kDecodeChoices;
}

}  // namespace

int decodeExpertsDown(Element element, const ExpertChoice& choice, const ExpertShape& shape, const void* u,
                      const void* down, float* hidden, Stream stream) {
    if (!valid(choice)) return static_cast<int>(cudaErrorInvalidValue);
    int error = 0, slices = 1;
    while (slices * kHeld * 256 < shape.width)
        slices *= 2;
    const bool vectors = shape.width % 8 == 0 && aligned(down) && aligned(u) && slices <= kWarpsPerBlock;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        const auto *x = static_cast<const T*>(u), *w = static_cast<const T*>(down);
        const std::int64_t rows = choice.k * shape.size;
        error = vectors ? launchDependent(downKernel<T>, blocksOf(rows, kWarpsPerBlock / slices), kBlock, 0,
                                          stream, choice, shape, x, w, hidden, slices)
                        : launchDependent(plainDownKernel<T>, blocksOf(rows, kWarpsPerBlock), kBlock, 0,
                                          stream, choice, shape, x, w, hidden);
    });
    return error;
}

int decodeExpertsUp(Element element, const ExpertChoice& choice, const ExpertShape& shape, const void* u,
                    const void* up, const float* hidden, float scaling, const void* residual, void* out,
                    Stream stream) {
    if (!valid(choice)) return static_cast<int>(cudaErrorInvalidValue);
    int error = 0;
    const int chunks = static_cast<int>(choice.k * ((shape.size + 255) / 256)),
              group = chunks <= kHeld ? kHeld / chunks : 1;
    const bool vectors = shape.size % 8 == 0 && aligned(up) && aligned(hidden) && chunks <= kHeld;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        const auto *x = static_cast<const T*>(u), *w = static_cast<const T*>(up),
                   *r = static_cast<const T*>(residual);
        auto* y = static_cast<T*>(out);
        error = vectors
                    ? launchDependent(upKernel<T>, blocksOf(shape.width, kWarpsPerBlock * group), kBlock, 0,
                                      stream, choice, shape, x, w, hidden, scaling, r, y, chunks, group)
                    : launchDependent(plainUpKernel<T>, blocksOf(shape.width, kWarpsPerBlock), kBlock, 0,
                                      stream, choice, shape, x, w, hidden, scaling, r, y);
    });
    return error;
}

}  // namespace caravan::kernels::cuda
