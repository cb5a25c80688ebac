// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <climits>

#include "kernels/decode_linear/decode_nf4.cuh"
#include "kernels/decode_linear/launches.h"

namespace caravan::kernels::cuda {
namespace {

constexpr std::int64_t kRowsAtOnce = 4;  // of x, by the general kernel

bool aligned(const void* p, std::uintptr_t to = 16) {
    return reinterpret_cast<std::uintptr_t>(p) % to == 0;
}

// The NF4 kernel takes whole steps, whole tiles and scales that were quantised again.
bool suitsNf4(Element element, const DecodeLinear& l) {
    if (element != Element::BF16 || l.inner % 128 != 0 || l.inner < kColumns) return false;
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
    launch.vectors = vectors;
    launch.inputStride = static_cast<std::int32_t>((l.inner + 7) / 8 * 8 + 8);  // rows four banks apart
    const std::int64_t rowsPerTile = nf4 ? (l.swiglu ? 8 : 16) : (l.swiglu ? 1 : 2);
    for (int p = 0; p < kDecodeParts; ++p) {
        launch.tileBegin[p] = p < l.partCount && !l.swiglu ? launch.tiles : INT_MAX;
        if (p < (l.swiglu ? 1 : l.partCount))
            launch.tiles += static_cast<std::int32_t>((l.parts[p].rows + rowsPerTile - 1) / rowsPerTile);
    }
    if (!nf4) return launch;
    std::int64_t rank = 0;
    for (int p = 0; p < l.partCount; ++p)
        if (l.parts[p].loraB) rank = std::max(rank, l.parts[p].rank);
    launch.hiddenStride = static_cast<std::int32_t>(rank > 0 ? (rank + 31) / 32 * 32 + 8 : 0);
    launch.steps = static_cast<std::int32_t>((l.inner + kColumns - 1) / kColumns);
    launch.halfStep = l.inner % kColumns != 0;
    launch.stepsInverse = static_cast<std::uint32_t>((0x100000000LL + launch.steps - 1) / launch.steps);
    return launch;
}

// The blocks' tiles and side rows; `most` blocks, a whole number of them for each multiprocessor. A block
// waits only for side rows of the first ones, which are all there at once.
unsigned share(DecodeLaunch& launch, std::int64_t sideRows, int most) {
    const int multiprocessors = deviceTraits().multiprocessors,
              blocks = std::max(std::min(most, launch.tiles), sideRows > 0 ? multiprocessors : 1);
    launch.fewTiles = launch.tiles / blocks;
    launch.richBlocks = launch.tiles % blocks;
    launch.blockTiles = launch.fewTiles + (launch.richBlocks > 0 ? 1 : 0);
    launch.sideRows = static_cast<std::int32_t>(sideRows);
    launch.sideBlocks = std::min(blocks, multiprocessors);
    launch.sideRoom = static_cast<std::int32_t>(
        std::min<std::int64_t>(8, (sideRows + launch.sideBlocks - 1) / launch.sideBlocks));
    launch.sideShift = launch.sideRoom > 4 ? 1 : launch.sideRoom > 2 ? 2 : launch.sideRoom > 1 ? 3 : 4;
    launch.at = layoutOf(planNf4(launch));
    return static_cast<unsigned>(blocks);
}

std::int64_t sideRowsOf(const DecodeLinear& l) {
    std::int64_t rows = 0;
    for (int s = 0; s < l.sideCount; ++s)
        rows += l.sides[s].rows;
    return rows;
}

}  // namespace

int decodeLinear(Element element, const DecodeLinear& l, Stream stream) {
    const auto invalid = static_cast<int>(cudaErrorInvalidValue);
    if (l.batch < 1 || l.batch > kDecodeBatch || l.partCount < 1) return invalid;
    const bool waits = l.sideCount > 0;
    const std::int64_t sideRows = sideRowsOf(l);
    for (int p = 0; p < l.partCount; ++p)
        if (l.parts[p].loraB && !l.arrived) return invalid;
    const bool vectors = suitsVectors(element, l);
    bool nf4 = vectors && suitsNf4(element, l);
    const DeviceTraits& device = deviceTraits();
    const std::size_t room = static_cast<std::size_t>(device.sharedPerBlock) - 4096;
    const std::int64_t elementSize = element == Element::BF16 ? 2 : 4;
    std::uint32_t arrivals = 0;
    int waves = 1;
    for (std::int64_t first = 0; first < l.batch;) {
        // As many rows of x as fit beside the tables, and about as many in each launch.
        std::int64_t count = l.batch - first;
        DecodeLaunch launch;
        unsigned blocks = 0;
        const auto take = [&] {
            launch = planned(narrowed(l, first, count, elementSize), nf4, vectors);
            if (nf4) blocks = share(launch, sideRows, device.multiprocessors * waves);
        };
        const auto bytes = [&] { return nf4 ? nf4SharedBytes(launch) : rowsSharedBytes(element, launch); };
        take();
        if (nf4 && first == 0) {  // blocks of so few tiles that one row of x fits
            const std::int64_t all = count;
            count = 1;
            for (take(); bytes() > room && launch.blockTiles > 1; take())
                ++waves;
            nf4 = bytes() <= room;
            count = all;
        }
        // Without tiles fewer: the more blocks a multiprocessor holds, the more rows of weights are under
        // way.
        if (!nf4) count = std::min(count, kRowsAtOnce);
        for (take(); count > 1 && bytes() > room; take())
            --count;
        if (const std::int64_t left = l.batch - first; count < left) {
            const std::int64_t launches = (left + count - 1) / count;
            count = (left + launches - 1) / launches;
            take();
        }
        if (nf4) {
            arrivals += static_cast<std::uint32_t>(std::min<std::int64_t>(sideRows, launch.sideBlocks));
        } else {
            const int resident = rowsPerMultiprocessor(element, launch),
                      most = (waits ? std::min(2, resident) : resident) * device.multiprocessors,
                      needed = (launch.tiles + kWarps - 1) / kWarps;
            blocks = static_cast<unsigned>(waits ? std::max(std::min(most, needed), device.multiprocessors)
                                                 : std::min(most, needed));
            arrivals += blocks;
        }
        launch.arrivals = arrivals;
        const int error = nf4 ? launchNf4(&launch, 1, nullptr, blocks, stream)
                              : launchRows(element, launch, blocks, stream);
        if (error != 0) return error;
        first += count;
    }
    return 0;
}

namespace {

// The launches of a chain where one kernel takes it: every multiprocessor has a block, all rows of x fit.
// Tiles are cut as decodeLinear() cuts them, so that the bits are the same.
bool plannedChain(Element element, const DecodeChain& chain, DecodeLaunch* launches) {
    const DeviceTraits& device = deviceTraits();
    Nf4Sizes most;
    for (int i = 0; i < chain.count; ++i) {
        const DecodeLinear& l = chain.linears[i];
        if (l.batch != chain.linears[0].batch || (i + 1 < chain.count && l.wide)) return false;
        if (!suitsVectors(element, l) || !suitsNf4(element, l)) return false;
        DecodeLaunch& launch = launches[i];
        launch = planned(l, true, true);
        const std::int64_t sideRows = sideRowsOf(l);
        if (sideRows == 0 && launch.tiles < device.multiprocessors) return false;
        share(launch, sideRows, device.multiprocessors);
        const Nf4Sizes sizes = planNf4(launch);
        for (int r = 0; r < Nf4Sizes::kRegions; ++r)
            most.bytes[r] = std::max(most.bytes[r], sizes.bytes[r]);
    }
    for (int i = 0; i < chain.count; ++i)
        launches[i].at = layoutOf(most);
    const std::size_t bytes = nf4SharedBytes(launches[0]);
    // One row whose chain goes beyond the split of keepSplit() is faster linear by linear, most of which do
    // not: 34B, 194 KB, 117.0 tokens/s chained, 118.8 not (one H200). Of more rows each goes beyond it by
    // itself.
    constexpr std::size_t kSplit = 163 * 1024;
    if (chain.linears[0].batch == 1 && bytes > kSplit) return false;
    return bytes + 4096 <= static_cast<std::size_t>(device.sharedPerBlock);
}

}  // namespace

bool takesChain(Element element, const DecodeChain& chain) {
    DecodeLaunch launches[kDecodeChain];
    return chain.count >= 1 && chain.count <= kDecodeChain && chain.clearedBytes % 16 == 0 &&
           plannedChain(element, chain, launches);
}

int decodeChain(Element element, const DecodeChain& chain, Stream stream) {
    DecodeLaunch launches[kDecodeChain];
    if (!takesChain(element, chain) || !plannedChain(element, chain, launches))
        return static_cast<int>(cudaErrorInvalidValue);
    return launchNf4(launches, chain.count, &chain, static_cast<unsigned>(deviceTraits().multiprocessors),
                     stream);
}

}  // namespace caravan::kernels::cuda
