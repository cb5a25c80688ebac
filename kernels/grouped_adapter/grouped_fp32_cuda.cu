// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "kernels/grouped_adapter/fp32_tile.cuh"
#include "kernels/grouped_adapter/grouped_rows.cuh"

// Products per expert in fp32 on the tensor cores (fp32_tile.cuh).
namespace caravan::kernels::cuda {
namespace {

using fp32::kColumns, fp32::kDepth, fp32::kRows;
static_assert(kRows == kGroupedTile && kColumns == kGroupedTile);

template <bool Transposed>
__global__ void __launch_bounds__(fp32::kThreads, fp32::kBlocks)
    groupedProductKernel(const float* rows, const float* weight, float* out, const std::int32_t* offsets,
                         GroupedShape shape) {
    extern __shared__ __align__(16) float shared[];
    int expert = 0;
    std::int64_t first = 0;
    if (!rowTile(offsets, shape.experts, blockIdx.x, expert, first)) return;
    const std::int64_t column = blockIdx.y * std::int64_t{kColumns};
    const int count = static_cast<int>(min(std::int64_t{kRows}, offsets[expert + 1] - first)),
              columns = static_cast<int>(min(std::int64_t{kColumns}, shape.outer - column));
    const std::int64_t stride = Transposed ? shape.inner : shape.outer;
    const float* w =
        weight + expert * shape.inner * shape.outer + (Transposed ? column * shape.inner : column);
    fp32::Tile<true, Transposed> tile;
    tile.run(shared, {rows + first * shape.inner, shape.inner, count, shape.inner},
             {w, stride, columns, shape.inner});
    tile.store(out + first * shape.outer + column, shape.outer, count, columns, false);
}

// Blocks z: experts by splits of their rows. One split adds to sum, several store their part.
__global__ void __launch_bounds__(fp32::kThreads, fp32::kBlocks)
    groupedGradientKernel(const float* a, const float* b, float* sum, const std::int32_t* offsets,
                          GroupedGradientShape shape, int splits, float* scratch) {
    extern __shared__ __align__(16) float shared[];
    const int expert = blockIdx.z / splits, split = blockIdx.z % splits;
    const std::int64_t begin = offsets[expert], end = offsets[expert + 1];
    if (begin == end) return;
    const std::int64_t perSplit = ((end - begin + splits - 1) / splits + kDepth - 1) / kDepth * kDepth,
                       from = begin + split * perSplit,
                       inner = max(std::int64_t{0}, min(perSplit, end - from));
    const std::int64_t row = blockIdx.x * std::int64_t{kRows}, column = blockIdx.y * std::int64_t{kColumns};
    const int rows = static_cast<int>(min(std::int64_t{kRows}, shape.left - row)),
              columns = static_cast<int>(min(std::int64_t{kColumns}, shape.right - column));
    fp32::Tile<false, false> tile;
    tile.run(shared, {a + from * shape.left + row, shape.left, rows, inner},
             {b + from * shape.right + column, shape.right, columns, inner});
    float* to = splits == 1 ? sum + expert * shape.left * shape.right
                            : scratch + blockIdx.z * shape.left * shape.right;
    tile.store(to + row * shape.right + column, shape.right, rows, columns, splits == 1);
}

constexpr int kAddThreads = 256;

__global__ void addPartsKernel(const float* scratch, float* sum, const std::int32_t* offsets,
                               std::int64_t perExpert, int splits) {
    const std::int64_t i = blockIdx.x * std::int64_t{kAddThreads} + threadIdx.x;
    const int expert = blockIdx.y;
    if (i >= perExpert || offsets[expert] == offsets[expert + 1]) return;
    float part = 0;
    for (int s = 0; s < splits; ++s)
        part += scratch[(std::int64_t{expert} * splits + s) * perExpert + i];
    sum[expert * perExpert + i] += part;
}

constexpr std::int64_t kWave = 528;  // tiles at work at a time on 132 multiprocessors; fixed for equal bits
constexpr std::int64_t kLeastRows = 128;  // of a split, if the slots are spread evenly

std::int64_t splitsOf(const GroupedGradientShape& s) {
    const std::int64_t tiles =
        blocksFor(s.left, kRows) * static_cast<std::int64_t>(blocksFor(s.right, kColumns)) * s.experts;
    return std::clamp<std::int64_t>(kWave / tiles, 1,
                                    std::max<std::int64_t>(1, s.slots / s.experts / kLeastRows));
}

}  // namespace

bool suitsTensorCores(const void* rows, const void* weight, const GroupedShape& shape) {
    return shape.inner % 4 == 0 && shape.outer % 4 == 0 && aligned16(rows) && aligned16(weight);
}
bool suitsTensorCores(const void* a, const void* b, const GroupedGradientShape& shape) {
    return shape.left % 4 == 0 && shape.right % 4 == 0 && aligned16(a) && aligned16(b);
}

int groupedProductFp32(const float* rows, const float* weight, float* out, const std::int32_t* offsets,
                       const GroupedShape& shape, Stream stream) {
    const dim3 grid(blocksFor(shape.slots, kRows) + static_cast<unsigned>(shape.experts),
                    blocksFor(shape.outer, kColumns));
    const auto launch = [&]<bool Transposed>() {
        constexpr int kBytes = fp32::Tile<true, Transposed>::kBytes;
        if (const int error = fp32::allowShared<groupedProductKernel<Transposed>>(kBytes)) return error;
        groupedProductKernel<Transposed>
            <<<grid, fp32::kThreads, kBytes, stream>>>(rows, weight, out, offsets, shape);
        return launched();
    };
    return shape.transposed ? launch.template operator()<true>() : launch.template operator()<false>();
}

std::int64_t groupedGradientScratch(const GroupedGradientShape& shape) {
    const std::int64_t splits = splitsOf(shape);
    return splits > 1 ? shape.experts * splits * shape.left * shape.right : 0;
}

int groupedGradientFp32(const float* a, const float* b, float* sum, const std::int32_t* offsets,
                        const GroupedGradientShape& shape, float* scratch, Stream stream) {
    constexpr int kBytes = fp32::Tile<false, false>::kBytes;
    if (const int error = fp32::allowShared<groupedGradientKernel>(kBytes)) return error;
    const std::int64_t splits = splitsOf(shape), perExpert = shape.left * shape.right;
    const dim3 grid(blocksFor(shape.left, kRows), blocksFor(shape.right, kColumns),
                    static_cast<unsigned>(shape.experts * splits));
    groupedGradientKernel<<<grid, fp32::kThreads, kBytes, stream>>>(a, b, sum, offsets, shape,
                                                                    static_cast<int>(splits), scratch);
    if (splits > 1)
        addPartsKernel<<<dim3(blocksFor(perExpert, kAddThreads), static_cast<unsigned>(shape.experts)),
                         kAddThreads, 0, stream>>>(scratch, sum, offsets, perExpert,
                                                   static_cast<int>(splits));
    return launched();
}

}  // namespace caravan::kernels::cuda
