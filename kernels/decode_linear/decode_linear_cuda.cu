// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <climits>

#include "kernels/decode_linear/launches.h"
#include "kernels/decode_linear/stage.cuh"

namespace caravan::kernels::cuda {
namespace {

constexpr std::int64_t kRowsAtOnce = 4;  // of x, by the general kernel

bool aligned(const void* p, std::uintptr_t to = 16) {
    return reinterpret_cast<std::uintptr_t>(p) % to == 0;
}

// The NF4 kernel takes whole steps, whole tiles and scales that were quantised again.
bool suitsNf4(Element element, const DecodeLinear& l) {
    if (element != Element::BF16 || l.inner % 128 != 0) return false;
    for (int p = 0; p < l.partCount; ++p) {
        const DecodePart& part = l.parts[p];
        if (part.dense || !part.nf4.absmaxCodes || part.rows % (l.swiglu ? 8 : 16) != 0) return false;
        if (!aligned(part.nf4.codes) || !aligned(part.nf4.absmaxCodes, 4)) return false;
        if (part.loraB && (part.rank % 2 != 0 || !aligned(part.loraB, 4))) return false;
    }
    return true;
}

bool suitsVectors(Element element, const DecodeLinear& l) {
    bool good = l.inner % 8 == 0 && aligned(l.input);
    for (int p = 0; p < l.partCount; ++p)
        good = good && (l.parts[p].dense ? aligned(l.parts[p].dense) : aligned(l.parts[p].nf4.codes, 4));
    for (int s = 0; s < l.sideCount; ++s)
        good = good && aligned(l.sides[s].weight);
    return good;
}

// Rows of x from `first` on.
DecodeLinear narrowed(const DecodeLinear& l, std::int64_t first, std::int64_t count,
                      std::int64_t elementSize) {
    DecodeLinear n = l;
    const auto move = [](const void* p, std::int64_t bytes) -> const void* {
        return p ? static_cast<const char*>(p) + bytes : nullptr;
    };
    n.batch = count;
    n.input = move(l.input, first * l.inner * elementSize);
    n.residual = move(l.residual, first * l.outStride * elementSize);
    n.out = const_cast<void*>(move(l.out, first * l.outStride * (l.wide ? 4 : elementSize)));
    for (int s = 0; s < l.sideCount; ++s)
        n.sides[s].out += first * l.sides[s].rows;
    for (int p = 0; p < l.partCount; ++p)
        if (n.parts[p].loraHidden) n.parts[p].loraHidden += first * n.parts[p].rank;
    return n;
}

DecodeLaunch planned(const DecodeLinear& l, bool nf4, bool vectors) {
    DecodeLaunch launch;
    launch.linear = l;
    // Where it makes room for two blocks a multiprocessor, or for more rows of x.
    launch.lone = l.batch > 8 || l.batch == 4 || (l.batch > 4 && l.inner > 8192);
    launch.vectors = vectors;
    launch.inputStride = static_cast<std::int32_t>((l.inner + 7) / 8 * 8 + 8);  // rows four banks apart
    std::int64_t rank = 0;
    for (int p = 0; p < l.partCount; ++p)
        rank = std::max(rank, l.parts[p].rank);
    launch.hiddenStride = static_cast<std::int32_t>(rank * l.batch);
    const std::int64_t rowsPerTile = nf4 ? (l.swiglu ? 8 : 16) : (l.swiglu ? 1 : 2);
    for (int p = 0; p < kDecodeParts; ++p) {
        launch.tileBegin[p] = p < l.partCount && !l.swiglu ? launch.tiles : INT_MAX;
        if (p < (l.swiglu ? 1 : l.partCount))
            launch.tiles += static_cast<std::int32_t>((l.parts[p].rows + rowsPerTile - 1) / rowsPerTile);
    }
    return launch;
}

}  // namespace

int decodeLinear(Element element, const DecodeLinear& l, Stream stream) {
    const auto invalid = static_cast<int>(cudaErrorInvalidValue);
    if (l.batch < 1 || l.batch > kDecodeBatch || l.partCount < 1) return invalid;
    bool waits = l.sideCount > 0;
    for (int p = 0; p < l.partCount; ++p)
        if (l.parts[p].loraB && !l.arrived) return invalid;
    const bool nf4 = suitsNf4(element, l), vectors = suitsVectors(element, l);
    const DeviceTraits& device = deviceTraits();
    const std::int64_t elementSize = element == Element::BF16 ? 2 : 4;
    std::uint32_t arrivals = 0;
    for (std::int64_t first = 0; first < l.batch;) {
        // As many rows of x as fit beside the tables, and about as many in each launch.
        std::int64_t count = l.batch - first;
        DecodeLaunch launch;
        const auto take = [&] {
            launch = planned(narrowed(l, first, count, elementSize), nf4 && vectors, vectors);
        };
        const auto bytes = [&] {
            return nf4 && vectors ? nf4SharedBytes(launch) : rowsSharedBytes(element, launch);
        };
        // Without tiles fewer: the more blocks a multiprocessor holds, the more rows of weights are under
        // way.
        if (!(nf4 && vectors)) count = std::min(count, kRowsAtOnce);
        for (take(); count > 1 && bytes() > static_cast<std::size_t>(device.sharedPerBlock) - 2048; take())
            --count;
        if (const std::int64_t left = l.batch - first; count < left) {
            const std::int64_t launches = (left + count - 1) / count;
            count = (left + launches - 1) / launches;
            take();
        }
        // All blocks at once: those with LoRA wait for each other.
        const bool tiled = nf4 && vectors;
        const int perBlock = tiled ? 1 : kWarps,
                  resident = tiled   ? std::min(2, nf4PerMultiprocessor(launch))
                             : waits ? std::min(2, rowsPerMultiprocessor(element, launch))
                                     : rowsPerMultiprocessor(element, launch),
                  most = resident * device.multiprocessors, needed = (launch.tiles + perBlock - 1) / perBlock;
        const auto blocks = static_cast<unsigned>(
            waits ? std::max(std::min(most, needed), device.multiprocessors) : std::min(most, needed));
        arrivals += blocks;
        launch.arrivals = arrivals;
        const int error =
            nf4 && vectors ? launchNf4(launch, blocks, stream) : launchRows(element, launch, blocks, stream);
        if (error != 0) return error;
        first += count;
    }
    return 0;
}

}  // namespace caravan::kernels::cuda
