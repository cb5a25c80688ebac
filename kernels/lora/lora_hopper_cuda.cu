// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/lora/lora_down_wide.h"
#include "kernels/lora/lora_hopper.cuh"

namespace caravan::kernels::cuda {
namespace lora {
namespace {

constexpr std::int64_t kLeastTokens = 128;
constexpr std::int64_t kMultiprocessors = 132;  // of an H200; the cut is the same on every card

bool onHopper() {
    return deviceTraits().major == 9 && encodeTiled();
}

template <class Kernel>
int allow(Kernel kernel, int bytes) {
    return static_cast<int>(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
}

// Parts of the columns: as many blocks as there are multiprocessors, two of which fit on each.
int splitsOf(std::int64_t tiles, std::int64_t chunks) {
    const std::int64_t most = std::min<std::int64_t>(kMostSplits, std::max<std::int64_t>(1, chunks / 4));
    return static_cast<int>(std::clamp<std::int64_t>(kMultiprocessors / tiles, 1, most));
}

template <class Kernel, class... Arguments>
int launchFollowing(Kernel kernel, dim3 grid, unsigned threads, int bytes, int cluster, Stream stream,
                    const Arguments&... arguments) {
    cudaLaunchAttribute attributes[2]{};
    attributes[0].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[0].val.programmaticStreamSerializationAllowed = 1;
    attributes[1].id = cudaLaunchAttributeClusterDimension;
    attributes[1].val.clusterDim = {static_cast<unsigned>(cluster), 1, 1};
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = dim3(threads);
    config.dynamicSmemBytes = static_cast<std::size_t>(bytes);
    config.stream = stream;
    config.attrs = attributes;
    config.numAttrs = cluster > 1 ? 2 : 1;
    return static_cast<int>(cudaLaunchKernelEx(&config, kernel, arguments...));
}

template <int Sites>
int launchDown(const void* x, const LoraSites& sites, void* h, std::int64_t tokens, std::int64_t columns,
               Stream stream) {
    using Shape = DownShape<Sites>;
    static const int allowed = allow(downWideKernel<Sites>, Shape::kBytes);
    if (allowed != 0) return allowed;
    CUtensorMap xMap;
    SiteMaps maps{};
    bool described = describeRows(xMap, x, columns, tokens, columns, kTokens, 1);
    for (int s = 0; s < Sites; ++s)
        described = described && describeRows(maps.of[s], sites.a[s], columns, kLoraRank, columns, 64, 1);
    if (!described) return static_cast<int>(cudaErrorInvalidValue);
    const std::int64_t tiles = (tokens + kTokens - 1) / kTokens, chunks = columns / 64;
    const int splits = splitsOf(tiles, chunks);
    const DownJob job{static_cast<Bf16*>(h), static_cast<int>(tokens), static_cast<int>(chunks),
                      static_cast<int>((chunks + splits - 1) / splits), splits};
    return launchFollowing(downWideKernel<Sites>, dim3(static_cast<unsigned>(tiles * splits)),
                           Shape::kThreads, Shape::kBytes, splits, stream, xMap, maps, job);
}

template <class Shape>
int launchSpread(const LoraSpread& s, Stream stream) {
    static const int allowed = allow(spreadKernel<Shape>, Shape::kBytes);
    if (allowed != 0) return allowed;
    CUtensorMap rows;
    SiteMaps maps{};
    SpreadJob job{static_cast<Bf16*>(s.y), s.yStride, static_cast<int>(s.tokens), {}, {}, {}, {}};
    bool described = describeRows(rows, s.h, s.hStride, s.tokens, kLoraRank * s.count, kTokens, 1);
    unsigned tiles = 0;
    for (int i = 0; i < s.count; ++i) {
        described =
            described &&
            (s.up ? describeRows(maps.of[i], s.weight[i], kLoraRank, s.width[i], kLoraRank, kTokens, 1)
                  : describeRows(maps.of[i], s.weight[i], s.width[0], kLoraRank, s.width[0], 64, 2));
        if (!s.up && i > 0) continue;
        job.first[i] = s.up ? static_cast<int>(s.first[i]) : 0;
        job.width[i] = static_cast<int>(s.width[i]);
        job.tiles[i] = static_cast<int>(blocksFor(s.width[i], Shape::kColumns));
        job.scale[i] = s.up ? s.scale[i] : 1.0f;
        tiles += static_cast<unsigned>(job.tiles[i]);
    }
    if (!described) return static_cast<int>(cudaErrorInvalidValue);
    return launchFollowing(spreadKernel<Shape>, dim3(tiles, blocksFor(s.tokens, kTokens)), Shape::kThreads,
                           Shape::kBytes, 1, stream, rows, maps, job);
}

}  // namespace

bool downWideTakes(const void* x, const LoraSites& sites, std::int64_t tokens, std::int64_t columns) {
    if (!sites.hopper || sites.masked || tokens < kLeastTokens || columns % 64 != 0 || !onHopper())
        return false;
    for (int i = 0; i < sites.count; ++i)
        if (!aligned16(sites.a[i])) return false;
    return aligned16(x) && tokens < (std::int64_t{1} << 31) - 1024;
}

int downWide(const void* x, const LoraSites& sites, void* h, std::int64_t tokens, std::int64_t columns,
             Stream stream) {
    switch (sites.count) {
        case 1:
            return launchDown<1>(x, sites, h, tokens, columns, stream);
        case 2:
            return launchDown<2>(x, sites, h, tokens, columns, stream);
        default:
            return launchDown<3>(x, sites, h, tokens, columns, stream);
    }
}

}  // namespace lora

int loraSpread(const LoraSpread& s, Stream stream) {
    using namespace lora;
    if (s.tokens == 0) return 0;
    bool taken = onHopper() && s.count >= 1 && s.count <= kLoraSites && s.tokens >= kLeastTokens &&
                 s.tokens < (std::int64_t{1} << 22) && aligned16(s.h) && aligned16(s.y) &&
                 s.hStride % 8 == 0 && s.yStride % 8 == 0 && (s.up || s.width[0] % 64 == 0);
    for (int i = 0; i < s.count; ++i)
        taken = taken && aligned16(s.weight[i]) && s.width[s.up ? i : 0] % 8 == 0 &&
                (!s.up || s.first[i] % 8 == 0);
    if (!taken) return kLoraNotTaken;
    if (s.up) return launchSpread<SpreadShape<kLoraSites, true>>(s, stream);
    switch (s.count) {
        case 1:
            return launchSpread<SpreadShape<1, false>>(s, stream);
        case 2:
            return launchSpread<SpreadShape<2, false>>(s, stream);
        default:
            return launchSpread<SpreadShape<3, false>>(s, stream);
    }
}

}  // namespace caravan::kernels::cuda
