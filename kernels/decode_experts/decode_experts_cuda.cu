// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <type_traits>

#include "kernels/decode_experts/launches.h"
#include "kernels/decode_experts/stage.cuh"

namespace caravan::kernels::cuda {
namespace {

// A block's sequence is blockIdx.y; for one sequence nothing is computed.
template <bool Many>
__device__ __forceinline__ void toSequence(ExpertChoice& c) {
    if constexpr (Many) {
        const std::int64_t b = blockIdx.y, notes = b * c.noteStride;
        c.logits += b * c.experts;
        c.noted += notes;
        c.chosen += notes;
        c.weights += notes;
    }
}
template <bool Many, class T>
__device__ __forceinline__ T* rowOf(T* first, std::int64_t width) {
    if constexpr (Many) return first ? first + blockIdx.y * width : first;
    return first;
}

// By warp 0 of every block. Ends with a barrier.
__device__ __forceinline__ void choose(const ExpertChoice& c, Chosen& out, bool note) {
    if (threadIdx.x < 32) chooseByWarp(c, out, note, threadIdx.x);
    __syncthreads();
}

// Unit = (row of the chosen experts, slice of kHeld * 256 inputs); the slices of a row are neighbouring warps
// of a block.
template <class T, bool Many>
__global__ __launch_bounds__(kBlock, 2) void downKernel(ExpertChoice choice, ExpertShape shape, const T* u,
                                                        const T* down, float* hidden, int slices) {
    __shared__ Chosen chosen, noted;  // noted: the other warps may still read chosen
    __shared__ float parts[kWarpsPerBlock];
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, slice = warp % slices,
              perBlock = kWarpsPerBlock / slices;
    const int width = static_cast<int>(shape.width), size = static_cast<int>(shape.size),
              rows = static_cast<int>(choice.k) * size;
    const int begin = slice * (kHeld * 256) + lane * 8;
    toSequence<Many>(choice);
    u = rowOf<Many>(u, shape.width);
    hidden = rowOf<Many>(hidden, choice.k * shape.size);
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
template <class T, bool Many>
__global__ __launch_bounds__(kBlock, 2) void upKernel(ExpertChoice choice, ExpertShape shape, const T* u,
                                                      const T* up, const float* hidden, float scaling,
                                                      const T* residual, T* out, int chunks, int group) {
    __shared__ Chosen chosen;
    const int lane = threadIdx.x & 31, width = static_cast<int>(shape.width),
              size = static_cast<int>(shape.size);
    const int perExpert = chunks / static_cast<int>(choice.k);
    toSequence<Many>(choice);
    u = rowOf<Many>(u, shape.width);
    hidden = rowOf<Many>(hidden, choice.k * shape.size);
    residual = rowOf<Many>(residual, shape.width);
    out = rowOf<Many>(out, shape.width);
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
template <class T, bool Many>
__global__ __launch_bounds__(kBlock) void plainDownKernel(ExpertChoice choice, ExpertShape shape, const T* u,
                                                          const T* down, float* hidden) {
    __shared__ Chosen chosen;
    previousDone();
    allowNext();
    toSequence<Many>(choice);
    u = rowOf<Many>(u, shape.width);
    hidden = rowOf<Many>(hidden, choice.k * shape.size);
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

template <class T, bool Many>
__global__ __launch_bounds__(kBlock) void plainUpKernel(ExpertChoice choice, ExpertShape shape, const T* u,
                                                        const T* up, const float* hidden, float scaling,
                                                        const T* residual, T* out) {
    __shared__ Chosen chosen;
    previousDone();
    allowNext();
    toSequence<Many>(choice);
    u = rowOf<Many>(u, shape.width);
    hidden = rowOf<Many>(hidden, choice.k * shape.size);
    residual = rowOf<Many>(residual, shape.width);
    out = rowOf<Many>(out, shape.width);
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
// Two blocks a multiprocessor: the next kernel's find room beside them. Rows of blocks: sequences.
dim3 blocksOf(const ExpertChoice& choice, std::int64_t units, std::int64_t perBlock) {
    return dim3(
        std::min(2 * static_cast<unsigned>(deviceTraits().multiprocessors), blocksFor(units, perBlock)),
        static_cast<unsigned>(choice.batch));
}
// f(type, many) with the element and whether there are several sequences, as types.
template <class F>
void forBatch(Element element, const ExpertChoice& choice, F&& f) {
    forElement(element, [&](auto type) {
        if (choice.batch > 1)
            f(type, std::true_type{});
        else
            f(type, std::false_type{});
    });
}
bool valid(const ExpertChoice& c) {
    return c.experts >= 1 && c.experts <= kMost && c.k >= 1 && c.k <= c.experts && c.k <= kDecodeChoices &&
           c.batch >= 1 && c.batch <= kMostUsers;
}

}  // namespace

int decodeExpertsDown(Element element, const ExpertChoice& choice, const ExpertShape& shape, const void* u,
                      const void* down, float* hidden, Stream stream) {
    if (!valid(choice)) return static_cast<int>(cudaErrorInvalidValue);
    int error = 0, slices = 1;
    while (slices * kHeld * 256 < shape.width)
        slices *= 2;
    const bool vectors = shape.width % 8 == 0 && aligned(down) && aligned(u) && slices <= kWarpsPerBlock;
    if (vectors && choice.batch >= kFewestTogether)
        return launchDownTogether(element, choice, shape, u, down, hidden, slices, stream);
    forBatch(element, choice, [&](auto type, auto many) {
        using T = decltype(type);
        constexpr bool kMany = decltype(many)::value;
        const auto *x = static_cast<const T*>(u), *w = static_cast<const T*>(down);
        const std::int64_t rows = choice.k * shape.size;
        error = vectors
                    ? launchDependent(downKernel<T, kMany>, blocksOf(choice, rows, kWarpsPerBlock / slices),
                                      kBlock, 0, stream, choice, shape, x, w, hidden, slices)
                    : launchDependent(plainDownKernel<T, kMany>, blocksOf(choice, rows, kWarpsPerBlock),
                                      kBlock, 0, stream, choice, shape, x, w, hidden);
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
    const int columns = choice.batch >= kFewestTogether ? columnsTogether(element, choice, shape) : 0;
    if (vectors && columns > 0)
        return launchUpTogether(element, choice, shape, u, up, hidden, scaling, residual, out, columns,
                                stream);
    forBatch(element, choice, [&](auto type, auto many) {
        using T = decltype(type);
        constexpr bool kMany = decltype(many)::value;
        const auto *x = static_cast<const T*>(u), *w = static_cast<const T*>(up),
                   *r = static_cast<const T*>(residual);
        auto* y = static_cast<T*>(out);
        error = vectors
                    ? launchDependent(upKernel<T, kMany>,
                                      blocksOf(choice, shape.width, kWarpsPerBlock * group), kBlock, 0,
                                      stream, choice, shape, x, w, hidden, scaling, r, y, chunks, group)
                    : launchDependent(plainUpKernel<T, kMany>, blocksOf(choice, shape.width, kWarpsPerBlock),
                                      kBlock, 0, stream, choice, shape, x, w, hidden, scaling, r, y);
    });
    return error;
}

int decodeExperts(Element element, const DecodeExperts& d, Stream stream) {
    if (!valid(d.choice)) return static_cast<int>(cudaErrorInvalidValue);
    if (suitsOnce(element, d)) return launchOnce(d, stream);
    if (const int error = decodeExpertsDown(element, d.choice, d.shape, d.u, d.down, d.hidden, stream))
        return error;
    return decodeExpertsUp(element, d.choice, d.shape, d.u, d.up, d.hidden, d.scaling, d.residual, d.out,
                           stream);
}

}  // namespace caravan::kernels::cuda
