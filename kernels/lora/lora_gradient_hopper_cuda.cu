// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <type_traits>

#include "kernels/common/dependent.cuh"
#include "kernels/lora/lora_gradient_hopper.cuh"

namespace caravan::kernels::cuda::lora {
namespace {

// [tokens][columns] as [columns / 64][tokens][64], in boxes of kDeep tokens and `tiles` times 64 columns;
// what lies behind the tokens or the columns is zero.
bool describe(CUtensorMap& map, const void* p, std::int64_t stride, std::int64_t tokens, std::int64_t columns,
              int tiles) {
    const auto bytes = static_cast<cuuint64_t>(stride) * 2;
    const cuuint64_t sizes[4] = {64, static_cast<cuuint64_t>(tokens), static_cast<cuuint64_t>(columns / 64),
                                 1},
                     strides[3] = {bytes, 128, bytes * static_cast<cuuint64_t>(tokens)};
    const cuuint32_t box[4] = {64, kDeep, static_cast<cuuint32_t>(tiles), 1}, steps[4] = {1, 1, 1, 1};
    return encodeTiled()(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 4, const_cast<void*>(p), sizes, strides, box,
                         steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                         CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                         CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

// Clusters of so many blocks, one block a multiprocessor, that an H200 holds at once.
constexpr int kClusters[kMostSplits + 1] = {0, 132, 66, 39, 30, 22, 17, 15, 15};
// What a wave of blocks costs besides its chunks, and a further block to add up, in chunks.
constexpr double kWaveCost = 10, kSplitCost = 0.3;

// Parts of the tokens; the same on every card.
int splitsOf(int tiles, std::int64_t chunks) {
    int best = 1;
    double least = 1e30;
    for (int splits = 1; splits <= kMostSplits && splits <= chunks; ++splits) {
        const int waves = (tiles + kClusters[splits] - 1) / kClusters[splits];
        const auto cost =
            waves * (static_cast<double>((chunks + splits - 1) / splits) + kWaveCost) + kSplitCost * splits;
        if (cost < least) {
            least = cost;
            best = splits;
        }
    }
    return best;
}

template <class Shape>
int launch(const LoraGradient& g, int sites, Stream stream) {
    const auto kernel = wideKernel<Shape>;
    static const auto allowed =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Shape::kBytes);
    if (allowed != cudaSuccess) return static_cast<int>(allowed);
    CUtensorMap x, rows;
    if (!describe(x, g.x, g.xStride, g.tokens, g.columns, Shape::kColumns / 64) ||
        !describe(rows, g.rows, g.rowStride, g.tokens, kLoraRank * sites, Shape::kSites))
        return static_cast<int>(cudaErrorInvalidValue);
    WideJob job{};
    int tiles = 0;
    for (int i = 0; i < sites; ++i) {
        job.first[i] = g.transposed ? g.first[i] : 0;
        job.width[i] = g.transposed ? g.width[i] : g.columns;
        job.sum[i] = g.sum[i];
        job.scale[i] = g.scale[i];
        job.tiles[i] = static_cast<int>(blocksFor(job.width[i], Shape::kColumns));
        if (i == 0 || g.transposed) tiles += job.tiles[i];
    }
    const std::int64_t chunks = (g.tokens + kDeep - 1) / kDeep;
    job.tokens = static_cast<int>(g.tokens);
    job.splits = splitsOf(tiles, chunks);
    job.perSplit = static_cast<int>((chunks + job.splits - 1) / job.splits) * kDeep;
    job.transposed = g.transposed;
    job.follows = g.follows;
    cudaLaunchAttribute attributes[2]{};
    attributes[0].id = cudaLaunchAttributeClusterDimension;
    attributes[0].val.clusterDim = {static_cast<unsigned>(job.splits), 1, 1};
    attributes[1].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[1].val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(static_cast<unsigned>(tiles * job.splits));
    config.blockDim = dim3(Shape::kThreads);
    config.dynamicSmemBytes = Shape::kBytes;
    config.stream = stream;
    config.attrs = attributes;
    config.numAttrs = g.follows ? 2 : 1;
    return static_cast<int>(cudaLaunchKernelEx(&config, kernel, x, rows, job));
}

}  // namespace

bool wideTakes(const LoraGradient& g, const LoraSites& sites) {
    if (!g.hopper || sites.masked || deviceTraits().major != 9 || !encodeTiled()) return false;
    for (int i = 0; g.transposed && i < sites.count; ++i)
        if (g.first[i] % 64 != 0 || g.width[i] % 64 != 0) return false;
    return aligned16(g.x) && aligned16(g.rows) && g.xStride % 8 == 0 && g.rowStride % 8 == 0 &&
           g.columns % 64 == 0 && g.tokens < (std::int64_t{1} << 31) - 1024;
}

int wideGradient(const LoraGradient& g, const LoraSites& sites, Stream stream) {
    if (g.transposed || sites.count == 1) return launch<WideShape<1, 192, 3, 6>>(g, sites.count, stream);
    return sites.count == 2 ? launch<WideShape<2, 192, 1, 5>>(g, 2, stream)
                            : launch<WideShape<3, 192, 1, 4>>(g, 3, stream);
}

}  // namespace caravan::kernels::cuda::lora
