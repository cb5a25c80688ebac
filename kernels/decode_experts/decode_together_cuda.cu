// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "kernels/common/async_copy.cuh"
#include "kernels/decode_experts/launches.h"
#include "kernels/decode_experts/stage.cuh"

// The experts of several sequences: a block reads the rows of each chosen expert once and gives them to all
// sequences that chose it. Sums are made in the order of one sequence alone.
//
// Floor: the distinct experts' weights, at 7B (8 of 512, all chosen) 67 MB a layer, 16 us at 4.3 TB/s.
// Log, one H200, 7B, all layers of a step of 2, 4, 8, 16 sequences:
// 1. Each sequence reads its own, a row of blocks for each: 673, 1303, 2525, 5022 us (one sequence: 338).
// 2. (here) Each row read once. Predicted: about 700 us for 16, and with the head's four rows a launch
//    steps of 5.2, 7.4 and 12.2 ms for 4, 8 and 16 in place of 6.1, 9.4 and 16.9. Measured: 5.1, 8.2 and
//    13.5 ms; of the experts by themselves only those of 2: 783 us, worse. So two sequences go on as in 1.
namespace caravan::kernels::cuda {
namespace {

// Who chose what, sorted by expert: group g is an expert that somebody chose.
struct Users {
    Chosen chosen[kMostUsers];
    short group[kMostUsers][kDecodeChoices];
    short expert[kMost], begin[kMost + 1];  // of a group: its expert, its first entry
    unsigned char entry[kMost];             // sequence * kDecodeChoices + choice
    bool first[kMost];
    int groups;
};

__device__ __forceinline__ ExpertChoice ofSequence(const ExpertChoice& all, int b) {
    ExpertChoice c = all;
    c.logits += b * c.experts;
    c.noted += b * c.noteStride;
    c.chosen += b * c.noteStride;
    c.weights += b * c.noteStride;
    return c;
}

// By all threads; ends with a barrier.
__device__ __forceinline__ void gather(const ExpertChoice& c, Users& users) {
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, k = static_cast<int>(c.k),
              total = static_cast<int>(c.batch) * k, mine = threadIdx.x;
    for (int b = warp; b < c.batch; b += kWarpsPerBlock)
        chooseByWarp(ofSequence(c, b), users.chosen[b], false, lane);
    __syncthreads();
    const auto expertOf = [&](int i) { return users.chosen[i / k].expert[i % k]; };
    int place = 0;
    bool first = true;
    if (mine < total) {
        for (int i = 0; i < total; ++i) {
            const bool same = expertOf(i) == expertOf(mine) && i < mine;
            place += same || expertOf(i) < expertOf(mine);
            first = first && !same;
        }
        users.first[mine] = first;
        users.entry[place] = static_cast<unsigned char>(mine / k * kDecodeChoices + mine % k);
    }
    __syncthreads();
    if (mine < total) {
        int group = 0, groups = 0;
        for (int i = 0; i < total; ++i) {
            group += users.first[i] && expertOf(i) < expertOf(mine);
            groups += users.first[i];
        }
        users.group[mine / k][mine % k] = static_cast<short>(group);
        if (first) {
            users.expert[group] = static_cast<short>(expertOf(mine));
            users.begin[group] = static_cast<short>(place);
        }
        if (mine == 0) {
            users.groups = groups;
            users.begin[groups] = static_cast<short>(total);
        }
    }
    __syncthreads();
}

// Unit = (row of a chosen expert, slice of kHeld * 256 inputs); the slices of a row are neighbouring warps of
// a block.
template <class T>
__global__ __launch_bounds__(kBlock, 2) void downTogetherKernel(const __grid_constant__ ExpertChoice choice,
                                                                ExpertShape shape, const T* u, const T* down,
                                                                float* hidden, int slices) {
    __shared__ Users users;
    __shared__ Chosen noted[kWarpsPerBlock];
    __shared__ float parts[kWarpsPerBlock][kMostUsers];
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, slice = warp % slices,
              perBlock = kWarpsPerBlock / slices;
    const int width = static_cast<int>(shape.width), size = static_cast<int>(shape.size),
              k = static_cast<int>(choice.k);
    const int begin = slice * (kHeld * 256) + lane * 8;
    gather(choice, users);
    const int units = users.groups * size;
    bool ahead = true;
    for (int base = static_cast<int>(blockIdx.x) * perBlock; base < units || ahead;
         base += static_cast<int>(gridDim.x) * perBlock) {
        const int unit = base + warp / slices;
        Chunk<T> w[kHeld];
        int from = 0, to = 0;
        if (unit < units) {
            const int group = unit / size;
            from = users.begin[group], to = users.begin[group + 1];
            const T* row = down + (std::int64_t{users.expert[group]} * size + unit % size) * width;
#pragma unroll
            for (int i = 0; i < kHeld; ++i)
                if (begin + i * 256 < width) w[i].load(row + begin + i * 256);
        }
        if (ahead) {
            previousDone();
            allowNext();
            for (int b = warp; blockIdx.x == 0 && b < choice.batch; b += kWarpsPerBlock)
                chooseByWarp(ofSequence(choice, b), noted[warp], true, lane);
            ahead = false;
        }
#pragma unroll 1
        for (int n = from; n < to; ++n) {
            const T* x = u + users.entry[n] / kDecodeChoices * width;
            float sum = 0;
#pragma unroll
            for (int i = 0; i < kHeld; ++i)
                if (begin + i * 256 < width) {
                    const Eight<T> e = loadEight(x + begin + i * 256);
                    sum += w[i].dot(e.v);
                }
            sum = warpReduce(sum, Plus{});
            if (lane == 0) parts[warp][n - from] = sum;
        }
        __syncthreads();
        // A thread for each unit of the block and each of its users.
        const int mine = threadIdx.x / kMostUsers, n = threadIdx.x % kMostUsers;
        if (mine < perBlock && base + mine < units) {
            const int group = (base + mine) / size, at = users.begin[group] + n;
            if (at < users.begin[group + 1]) {
                float h = 0;
                for (int i = 0; i < slices; ++i)
                    h += parts[mine * slices + i][n];
                const int b = users.entry[at] / kDecodeChoices, j = users.entry[at] % kDecodeChoices;
                hidden[(b * k + j) * size + (base + mine) % size] =
                    0.5f * h * erfcf(-0.70710678118654752f * h);
            }
        }
        __syncthreads();
    }
}

// A block takes `columns` neighbouring columns of the model's width at once: the rows of all chosen experts
// come to shared memory, then each warp takes its sequences.
template <class T>
__global__ __launch_bounds__(kBlock, 2) void upTogetherKernel(const __grid_constant__ ExpertChoice choice,
                                                              ExpertShape shape, const T* u, const T* up,
                                                              const float* hidden, float scaling,
                                                              const T* residual, T* out, int columns) {
    extern __shared__ __align__(16) unsigned char staged[];
    __shared__ Users users;
    T* weights = reinterpret_cast<T*>(staged);  // [groups][columns][size]
    constexpr int kPer = 16 / static_cast<int>(sizeof(T));
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, width = static_cast<int>(shape.width),
              size = static_cast<int>(shape.size), k = static_cast<int>(choice.k);
    const int perExpert = (size + 255) / 256, chunks = k * perExpert, perRow = size / kPer,
              perGroup = columns * perRow;
    gather(choice, users);
    bool ahead = true;
    for (int base = static_cast<int>(blockIdx.x) * columns; base < width || ahead;
         base += static_cast<int>(gridDim.x) * columns) {
        for (int i = threadIdx.x; i < users.groups * perGroup; i += kBlock) {
            const int group = i / perGroup, column = base + i % perGroup / perRow, at = i % perRow;
            if (column < width)
                copyAsync(sharedAddress(weights + std::int64_t{i} * kPer),
                          up + (std::int64_t{users.expert[group]} * width + column) * size + at * kPer);
        }
        if (ahead) {
            previousDone();
            allowNext();
            ahead = false;
        }
        awaitCopies();
        __syncthreads();
        for (int b = warp; b < choice.batch; b += kWarpsPerBlock) {
            Eight<float> h[kHeld];
            float weight[kHeld];
            int from[kHeld];
#pragma unroll
            for (int i = 0; i < kHeld; ++i) {
                const int j = i / perExpert, begin = i % perExpert * 256 + lane * 8;
                if (i >= chunks || begin >= size) continue;
                h[i] = loadEight(hidden + (b * k + j) * size + begin);
                weight[i] = users.chosen[b].weight[j];
                from[i] = users.group[b][j] * columns * size + begin;
            }
            const bool stores = lane < columns && base + lane < width;
            const std::int64_t at = std::int64_t{b} * width + base + lane;
            const float own = stores ? toFloat(u[at]) : 0.0f,
                        rest = stores && residual ? toFloat(residual[at]) : 0.0f;
            float mine = 0;
            for (int c = 0; c < columns; ++c) {
                float sum = 0;
#pragma unroll
                for (int i = 0; i < kHeld; ++i) {
                    const int begin = i % perExpert * 256 + lane * 8;
                    if (i >= chunks) break;
                    if (begin >= size) continue;
                    Chunk<T> w;
                    w.take(weights + from[i] + c * size);
                    sum += weight[i] * w.dot(h[i].v);
                }
                sum = warpReduce(sum, Plus{});
                if (lane == c) mine = sum;
            }
            if (stores) out[at] = fromFloat<T>(toFloat(fromFloat<T>(own + scaling * mine)) + rest);
        }
        __syncthreads();
    }
}

// Two blocks a multiprocessor: the next kernel's find room beside them.
dim3 blocksOf(std::int64_t units, std::int64_t perBlock) {
    return dim3(
        std::min(2 * static_cast<unsigned>(deviceTraits().multiprocessors), blocksFor(units, perBlock)));
}
std::int64_t mostGroups(const ExpertChoice& choice) {
    return std::min(choice.experts, choice.batch * choice.k);
}
std::int64_t bytesOf(Element element, const ExpertChoice& choice, const ExpertShape& shape,
                     std::int64_t columns) {
    return mostGroups(choice) * columns * shape.size * (element == Element::BF16 ? 2 : 4);
}

}  // namespace

int launchDownTogether(Element element, const ExpertChoice& choice, const ExpertShape& shape, const void* u,
                       const void* down, float* hidden, int slices, Stream stream) {
    int error = 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        error = launchDependent(
            downTogetherKernel<T>, blocksOf(mostGroups(choice) * shape.size, kWarpsPerBlock / slices), kBlock,
            0, stream, choice, shape, static_cast<const T*>(u), static_cast<const T*>(down), hidden, slices);
    });
    return error;
}

int columnsTogether(Element element, const ExpertChoice& choice, const ExpertShape& shape) {
    constexpr std::int64_t kRoom = 64 * 1024, kMostColumns = 16;
    return static_cast<int>(std::min(kMostColumns, kRoom / bytesOf(element, choice, shape, 1)));
}

int launchUpTogether(Element element, const ExpertChoice& choice, const ExpertShape& shape, const void* u,
                     const void* up, const float* hidden, float scaling, const void* residual, void* out,
                     int columns, Stream stream) {
    int error = 0;
    const auto shared = static_cast<std::size_t>(bytesOf(element, choice, shape, columns));
    forElement(element, [&](auto type) {
        using T = decltype(type);
        error = launchDependent(upTogetherKernel<T>, blocksOf(shape.width, columns), kBlock, shared, stream,
                                choice, shape, static_cast<const T*>(u), static_cast<const T*>(up), hidden,
                                scaling, static_cast<const T*>(residual), static_cast<T*>(out), columns);
    });
    return error;
}

}  // namespace caravan::kernels::cuda
