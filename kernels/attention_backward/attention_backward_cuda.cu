// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/attention_backward/attention_backward.h"

#include <algorithm>

#include "kernels/attention_backward/key_kernel.cuh"
#include "kernels/attention_backward/query_kernel.cuh"
#include "kernels/attention_backward/row_kernel.cuh"

namespace caravan::kernels::cuda {
namespace {

using namespace attention_backward;

// Bytes of dS that are kept at once: five times q's, within these.
constexpr std::int64_t kLeastScores = 160 << 20, kMostScores = 576 << 20;
// Bytes of q, k, v and dout, and of k alone, that are worked on side by side.
constexpr std::int64_t kKeysTogether = 32 << 20, kQueriesTogether = 8 << 20;

// wgmma is compute capability 9.0's alone.
bool onHopper() {
    int device = 0, major = 0;
    return cudaGetDevice(&device) == cudaSuccess &&
           cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
           major == 9;
}

// [rows][length][heads][size] in boxes of 64 positions and 64 columns of one head.
bool describe(CUtensorMap& map, const void* p, std::int64_t stride, const AttentionBackward& a) {
    const auto size = static_cast<cuuint64_t>(a.size), bytes = static_cast<cuuint64_t>(stride) * 2,
               length = static_cast<cuuint64_t>(a.length);
    const cuuint64_t sizes[4] = {size, static_cast<cuuint64_t>(a.heads), length,
                                 static_cast<cuuint64_t>(a.rows)},
                     strides[3] = {size * 2, bytes, bytes * length};
    const cuuint32_t box[4] = {64, 1, kTile, 1}, steps[4] = {1, 1, 1, 1};
    return encodeTiled()(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 4, const_cast<void*>(p), sizes, strides, box,
                         steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                         CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                         CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

// How the scratch is cut: dS of as many pairs as the limit allows, the queries' sums, two counters a launch.
struct Plan {
    std::int64_t pairs, tiles, atOnce, launches, scoreBytes, rowBytes;
};
Plan planOf(std::int64_t rows, std::int64_t length, std::int64_t heads, std::int64_t size) {
    Plan p{};
    p.pairs = rows * heads;
    p.tiles = (length + kTile - 1) / kTile;
    const std::int64_t perPair = pairBytes(static_cast<int>(p.tiles)),
                       limit = std::clamp(5 * p.pairs * length * size * 2, kLeastScores, kMostScores);
    p.launches = (p.pairs * perPair + limit - 1) / limit;
    p.atOnce = std::max<std::int64_t>(1, (p.pairs + p.launches - 1) / p.launches);
    p.launches = (p.pairs + p.atOnce - 1) / p.atOnce;
    p.scoreBytes = p.atOnce * perPair;
    p.rowBytes = p.pairs * p.tiles * kTileRowBytes;
    return p;
}

template <class Kernel>
int allow(Kernel kernel, std::size_t bytes) {
    return static_cast<int>(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)));
}

template <int Size>
int launchAll(const AttentionBackward& a, Stream stream) {
    const Plan plan = planOf(a.rows, a.length, a.heads, a.size);
    CUtensorMap q, k, v, dout;
    if (!encodeTiled() || !describe(q, a.q, a.qStride, a) || !describe(k, a.k, a.kStride, a) ||
        !describe(v, a.v, a.vStride, a) || !describe(dout, a.dout, a.doutStride, a))
        return static_cast<int>(cudaErrorInvalidValue);
    char* scores = static_cast<char*>(a.scratch);
    auto* tileRows = reinterpret_cast<float*>(scores + plan.scoreBytes);
    int* counters = reinterpret_cast<int*>(scores + plan.scoreBytes + plan.rowBytes);
    const Turn turn{a.positions, a.cos, a.sin};
    const int heads = static_cast<int>(a.heads), length = static_cast<int>(a.length),
              tiles = static_cast<int>(plan.tiles);
    const std::int64_t rowBlocks =
        a.rows * plan.tiles * (kTile / kRowTokens) * blocksFor(a.heads, kRowThreads / (Size / 8));
    rowsKernel<Size><<<static_cast<unsigned>(rowBlocks), kRowThreads, 0, stream>>>(
        {static_cast<const Bf16*>(a.out), static_cast<const Bf16*>(a.dout), a.outStride, a.doutStride,
         a.logsumexp, tileRows, counters, static_cast<int>(2 * plan.launches), heads, length, tiles});
    int device = 0, multiprocessors = 0;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
    if (const int error = allow(keyKernel<Size>, sizeof(KeyShared<Size>))) return error;
    if (const int error = allow(queryKernel<Size>, sizeof(QueryShared<Size>))) return error;
    const std::int64_t keyLevels = (tiles + 1) / 2, queryLevels = (tiles + kQueryGroups - 1) / kQueryGroups;
    for (std::int64_t first = 0; first < plan.pairs; first += plan.atOnce, counters += 2) {
        const std::int64_t pairs = std::min(plan.atOnce, plan.pairs - first);
        const auto headsOf = [&](std::int64_t bytes, int tensors) {
            const std::int64_t together = bytes / (tensors * a.length * a.size * 2);
            return Heads{heads,
                         length,
                         tiles,
                         static_cast<int>(first),
                         static_cast<int>(pairs),
                         static_cast<int>(std::clamp<std::int64_t>(together, 8, 128))};
        };
        const auto blocks = [&](std::int64_t levels) {
            return static_cast<unsigned>(std::min<std::int64_t>(multiprocessors, levels * pairs));
        };
        keyKernel<Size><<<blocks(keyLevels), kKeyThreads, sizeof(KeyShared<Size>), stream>>>(
            q, k, v, dout,
            {headsOf(kKeysTogether, 4), tileRows, scores, static_cast<Bf16*>(a.dk), static_cast<Bf16*>(a.dv),
             a.dkStride, a.dvStride, turn, a.scale, counters});
        queryKernel<Size><<<blocks(queryLevels), kQueryThreads, sizeof(QueryShared<Size>), stream>>>(
            k, {headsOf(kQueriesTogether, 1), scores, static_cast<Bf16*>(a.dq), a.dqStride, turn, a.scale,
                counters + 1});
    }
    return launched();
}

}  // namespace

std::int64_t attentionBackwardScratch(std::int64_t rows, std::int64_t length, std::int64_t heads,
                                      std::int64_t size) {
    if ((size != 64 && size != 128) || length < 1 || rows * heads < 1 || !encodeTiled() || !onHopper())
        return 0;
    const Plan p = planOf(rows, length, heads, size);
    if (p.scoreBytes > 2 * kMostScores || p.pairs * p.tiles >= (std::int64_t{1} << 31)) return 0;
    return p.scoreBytes + p.rowBytes + 2 * p.launches * static_cast<std::int64_t>(sizeof(int));
}

int attentionBackward(const AttentionBackward& a, Stream stream) {
    return a.size == 128 ? launchAll<128>(a, stream) : launchAll<64>(a, stream);
}

}  // namespace caravan::kernels::cuda
