// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/device.cuh"
#include "kernels/grouped_adapter/grouped_adapter.h"
#include "kernels/grouped_adapter/grouped_rows.cuh"

// Products per expert on the ordinary cores: 64 x 64 tiles through shared memory, a 4 x 4 patch per thread,
// sums in fp32 and in a fixed order. Row tiles are cut per expert, so the grid holds experts more tiles than
// the rows need; the spare ones return.
namespace caravan::kernels::cuda {
namespace {

constexpr int kTile = kGroupedTile, kDepth = 16, kThreads = 256;

struct Patch {
    float sum[4][4];
};

// left and right tiles lie in shared memory as [kDepth][kTile]
__device__ __forceinline__ void multiply(Patch& patch, const float (*left)[kTile],
                                         const float (*right)[kTile], int row, int column) {
    for (int d = 0; d < kDepth; ++d)
        for (int i = 0; i < 4; ++i)
            for (int j = 0; j < 4; ++j)
                patch.sum[i][j] += left[d][row + i] * right[d][column + j];
}

template <class T>
__global__ void productKernel(const T* rows, const T* weight, T* out, const std::int32_t* offsets,
                              GroupedShape shape) {
    __shared__ float left[kDepth][kTile], right[kDepth][kTile];
    int expert = 0;
    std::int64_t first = 0;
    if (!rowTile(offsets, shape.experts, blockIdx.x, expert, first)) return;
    const std::int64_t last = offsets[expert + 1], column0 = blockIdx.y * std::int64_t{kTile};
    const T* w = weight + expert * shape.inner * shape.outer;
    const int row = threadIdx.x / 16 * 4, column = threadIdx.x % 16 * 4;
    Patch patch = {};
    for (std::int64_t d0 = 0; d0 < shape.inner; d0 += kDepth) {
        for (int i = threadIdx.x; i < kDepth * kTile; i += kThreads) {
            const int d = i % kDepth, r = i / kDepth;
            const bool inside = first + r < last && d0 + d < shape.inner;
            left[d][r] = inside ? toFloat(rows[(first + r) * shape.inner + d0 + d]) : 0.0f;
        }
        for (int i = threadIdx.x; i < kDepth * kTile; i += kThreads) {
            const int d = shape.transposed ? i % kDepth : i / kTile,
                      c = shape.transposed ? i / kDepth : i % kTile;
            const std::int64_t inner = d0 + d, outer = column0 + c;
            const bool inside = inner < shape.inner && outer < shape.outer;
            right[d][c] =
                inside
                    ? toFloat(w[shape.transposed ? outer * shape.inner + inner : inner * shape.outer + outer])
                    : 0.0f;
        }
        __syncthreads();
        multiply(patch, left, right, row, column);
        __syncthreads();
    }
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j)
            if (first + row + i < last && column0 + column + j < shape.outer)
                out[(first + row + i) * shape.outer + column0 + column + j] = fromFloat<T>(patch.sum[i][j]);
}

template <class T, class S>
__global__ void gradientKernel(const T* a, const T* b, S* sum, const std::int32_t* offsets,
                               std::int64_t leftSize, std::int64_t rightSize) {
    __shared__ float left[kDepth][kTile], right[kDepth][kTile];
    const int expert = blockIdx.z;
    const std::int64_t begin = offsets[expert], end = offsets[expert + 1];
    if (begin == end) return;
    const std::int64_t row0 = blockIdx.x * std::int64_t{kTile}, column0 = blockIdx.y * std::int64_t{kTile};
    const int row = threadIdx.x / 16 * 4, column = threadIdx.x % 16 * 4;
    Patch patch = {};
    for (std::int64_t s0 = begin; s0 < end; s0 += kDepth) {
        for (int i = threadIdx.x; i < kDepth * kTile; i += kThreads) {
            const int d = i / kTile, c = i % kTile;
            const bool inside = s0 + d < end;
            left[d][c] = inside && row0 + c < leftSize ? toFloat(a[(s0 + d) * leftSize + row0 + c]) : 0.0f;
            right[d][c] =
                inside && column0 + c < rightSize ? toFloat(b[(s0 + d) * rightSize + column0 + c]) : 0.0f;
        }
        __syncthreads();
        multiply(patch, left, right, row, column);
        __syncthreads();
    }
    S* to = sum + expert * leftSize * rightSize;
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j)
            if (row0 + row + i < leftSize && column0 + column + j < rightSize) {
                S& cell = to[(row0 + row + i) * rightSize + column0 + column + j];
                cell = fromFloat<S>(toFloat(cell) + patch.sum[i][j]);
            }
}

template <class T, class S>
__global__ void addUsedKernel(const T* part, S* sum, const std::int32_t* counts, std::int64_t perExpert) {
    const std::int64_t i = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (i >= perExpert || counts[blockIdx.y] == 0) return;
    const std::int64_t at = blockIdx.y * perExpert + i;
    sum[at] = fromFloat<S>(toFloat(sum[at]) + toFloat(part[at]));
}

constexpr int kWide = 8;  // elements a thread; measured narrow: 2.7 TB/s at 8 x 512 x 4096, copy 4.2

template <class T, class S>
__global__ void addUsedWideKernel(const T* part, S* sum, const std::int32_t* counts, std::int64_t perExpert) {
    const std::int64_t i = (blockIdx.x * std::int64_t{kThreads} + threadIdx.x) * kWide;
    if (i >= perExpert || counts[blockIdx.y] == 0) return;
    const std::int64_t at = blockIdx.y * perExpert + i;
    const auto added = loadEight(part + at);
    auto total = loadEight(sum + at);
#pragma unroll
    for (int j = 0; j < kWide; ++j)
        total.v[j] += added.v[j];
    storeEight(sum + at, total.v);
}

}  // namespace

int groupedProduct(Element element, const void* rows, const void* weight, void* out,
                   const std::int32_t* offsets, const GroupedShape& shape, Stream stream) {
    if (shape.slots == 0) return 0;
    if (element == Element::F32 && suitsTensorCores(rows, weight, shape))
        return groupedProductFp32(static_cast<const float*>(rows), static_cast<const float*>(weight),
                                  static_cast<float*>(out), offsets, shape, stream);
    const dim3 grid(blocksFor(shape.slots, kTile) + static_cast<unsigned>(shape.experts),
                    blocksFor(shape.outer, kTile));
    forElement(element, [&](auto type) {
        using T = decltype(type);
        productKernel<T><<<grid, kThreads, 0, stream>>>(
            static_cast<const T*>(rows), static_cast<const T*>(weight), static_cast<T*>(out), offsets, shape);
    });
    return launched();
}

int groupedGradient(Element element, const void* a, const void* b, Element sumElement, void* sum,
                    const std::int32_t* offsets, const GroupedGradientShape& shape, float* scratch,
                    Stream stream) {
    if (element == Element::F32 && sumElement == Element::F32 && suitsTensorCores(a, b, shape))
        return groupedGradientFp32(static_cast<const float*>(a), static_cast<const float*>(b),
                                   static_cast<float*>(sum), offsets, shape, scratch, stream);
    const dim3 grid(blocksFor(shape.left, kTile), blocksFor(shape.right, kTile),
                    static_cast<unsigned>(shape.experts));
    forElement(element, [&](auto type) {
        using T = decltype(type);
        forElement(sumElement, [&](auto sumType) {
            using S = decltype(sumType);
            gradientKernel<T, S>
                <<<grid, kThreads, 0, stream>>>(static_cast<const T*>(a), static_cast<const T*>(b),
                                                static_cast<S*>(sum), offsets, shape.left, shape.right);
        });
    });
    return launched();
}

int addUsed(Element partElement, const void* part, Element sumElement, void* sum, const std::int32_t* counts,
            std::int64_t perExpert, std::int64_t experts, Stream stream) {
    const bool wide = perExpert % kWide == 0 && aligned16(part) && aligned16(sum);
    const dim3 grid(blocksFor(perExpert, wide ? kThreads * kWide : kThreads), static_cast<unsigned>(experts));
    forElement(partElement, [&](auto type) {
        using T = decltype(type);
        forElement(sumElement, [&](auto sumType) {
            using S = decltype(sumType);
            const auto kernel = wide ? addUsedWideKernel<T, S> : addUsedKernel<T, S>;
            kernel<<<grid, kThreads, 0, stream>>>(static_cast<const T*>(part), static_cast<S*>(sum), counts,
                                                  perExpert);
        });
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
