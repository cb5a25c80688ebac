// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <type_traits>

#include "kernels/decode_experts/launches.h"
#include "kernels/decode_experts/once.cuh"

// Both halves of the experts in one launch, bf16, up to eight sequences (more: several launches). One
// block a multiprocessor; each has a share of the chosen experts' rows of `down`, then a share of the
// model's columns of `up`; a warp asks for up to 4 KB of each before anything is computed. Products
// are tiles of 16 x 8 x 16 of the tensor cores, a row for each of eight weights' rows, a column for
// each sequence; the hidden values are two bf16 each (16 bits together). Sequences that did not choose
// an expert have zeros in its columns, so that a sequence's sums are those that it has alone: in the
// order of the experts' numbers.
//
// The hidden values go through memory to all blocks. Their place is full of an impossible pattern
// before, so that a reader waits for the values themselves: no counter, no fence, no second trip. All
// blocks are resident at once.
//
// Floor: the chosen experts' weights, 16.8 MB a layer at 7B: 3.9 us at 4.3 TB/s, 125 us of a token's
// 32 layers.
// Log, one H200, 7B, us of 32 layers: by itself, and what it adds to kernels that fill the card as the
// linears do. Two launches before (decode_experts_cuda.cu): 351, 376.
// 1. Weights in registers, 8 loads of 16 bytes of each half a lane (predicted: 170): 438, 422.
// 2. No divisions of 64 bits, no second look at the logits: 401, 408. Of 12 us a layer 2.1 were the
//    choice, 1.6 the product of `up`, and the input waited behind all weights.
// 3. Weights in shared memory by asynchronous copies, loops instead of rows of instructions; the
//    choice by every warp for itself, its weights later: 417, 397.
// 4. What the output adds is asked for before the weights of `up`, since loads come back in
//    order; addresses that the compiler cannot make again in every round: 311, 292. Of 2, 4, 8, 16
//    sequences: 472, 615, 786, 1541 (before 686, 1112, 1556, 2580). With 8 MB of the next linear asked
//    into the L2 cache meanwhile the 292 are 264.
// 5. (here) A copy of a warp takes whole lines, 128 bytes of four rows, instead of halves of lines of eight
//    (predicted: 20 less, by what it brought to the linears): 303 -> 296 by itself, 34B 781 -> 752.
namespace caravan::kernels::cuda {
namespace {

// Columns of `up`: a warp has an octet of them and a part of the chunks of each expert.
struct Columns {
    int octet, part, first, count, units;  // first: chunk of an expert's row

    __device__ __forceinline__ Columns(const OnceLaunch& a, int groups) {
        const int warp = threadIdx.x >> 5, chunks = static_cast<int>(a.shape.size) / kChunkValues;
        octet = a.octet.quotient(warp), part = a.octet.rest(warp, octet);
        first = a.octet.quotient(chunks * part);
        count = a.octet.quotient(chunks * (part + 1)) - first;
        units = octet < a.octets ? (groups * count + a.perUnit - 1) / a.perUnit : 0;
    }
};

// U: tiles of four sequences of `up`, eight sequences at most; Alone: one sequence of at most 32 experts.
// Weights wait in shared memory, each 16 bytes for the lane that multiplies them, so that loops over them
// stay loops: a launch meets all of its code for the first time.
template <int U, bool Alone>
__global__ __launch_bounds__(kTeamThreads, 1) void onceKernel(const __grid_constant__ OnceLaunch a) {
    extern __shared__ __align__(16) unsigned char shared[];
    __shared__ Groups groups;
    __shared__ uint4 zero;
    if (threadIdx.x == 0) zero = {};
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, g = lane >> 2, t = lane & 3;
    const int batch = Alone ? 1 : static_cast<int>(a.choice.batch), width = static_cast<int>(a.shape.width),
              size = static_cast<int>(a.shape.size), k = static_cast<int>(a.choice.k), subs = a.cut.subs;
    [[maybe_unused]] std::conditional_t<Alone, AloneChoice, ManyChoices> choice(a.choice, groups);
    const int groupCount = Alone ? k : groups.count;
    const auto expertOf = [&](int group) {
        return Alone ? static_cast<int>(groups.alone[warp][group]) : groups.expert[group];
    };
    const auto pickOf = [&](int group, int b) {
        return Alone ? static_cast<int>(groups.choice[warp][group]) : groups.pick[group][b];
    };
    const BlockShare columns(width, a.blocks), rows(groupCount * size, a.blocks);
    const int chunks = width / kChunkValues, chunkBegin = chunks * warp / kTeam,
              chunkEnd = chunks * (warp + 1) / kTeam;
    const int downUnits = (rows.count() + 7) / 8 * subs;
    const Columns up(a, groupCount);
    const int units = downUnits + up.units;

    unsigned char* x = shared;  // [batch] rows of the input, later the hidden values
    float* parts = reinterpret_cast<float*>(shared + a.partsAt);
    const std::uint32_t xAt = addressOf(x),
                        held = addressOf(shared) +
                               static_cast<std::uint32_t>(a.heldAt + warp * 2 * a.heldBytes + lane * 16),
                        nothing = addressOf(&zero);  // held: two units of this warp
    // A warp copies two chunks of four rows, then of the four others: this lane a piece of chunk inLine of
    // row inFour, to where the lane that multiplies it looks.
    const int inLine = lane >> 2 & 1, inFour = lane >> 3;
    const std::uint32_t copied =
        held + static_cast<std::uint32_t>((inLine * 32 + inFour * 4 + t - lane) * 16);
    int askedGroup = 0, askedChunk = 0;
    const auto ask = [&](int unit) {
        const std::uint32_t to = copied + static_cast<std::uint32_t>(unit % 2 * a.heldBytes);
        if (unit < downUnits) {
            const int octet = a.subs.quotient(unit),
                      first = chunkBegin + a.subs.rest(unit, octet) * a.cut.perSub,
                      row = rows.begin + octet * 8 + inFour, count = min(a.cut.perSub, chunkEnd - first);
            const auto rowAt = [&](int r) {
                const int group = r < rows.end ? a.size.quotient(r) : 0;
                return a.down +
                       static_cast<std::uint32_t>((expertOf(group) * size + a.size.rest(r, group)) * width +
                                                  (first + inLine) * kChunkValues + t * 8);
            };
            const Bf16 *from = rowAt(row), *lower = rowAt(row + 4);
#pragma unroll 1
            for (int i = 0; i + inLine < count; i += 2) {
                if (row < rows.end) copyAsync(to + i * 512, from + i * kChunkValues);
                if (row + 4 < rows.end) copyAsync(to + i * 512 + 256, lower + i * kChunkValues);
            }
        } else if (unit < units) {
            const int column = columns.begin + up.octet * 8 + inFour;
            const Bf16* from = a.up + (column * size + up.first * kChunkValues + t * 8);
            const auto next = [&](int& group, int& chunk) {
                if (++chunk == up.count) chunk = 0, ++group;
            };
#pragma unroll 1
            for (int i = 0; i < a.perUnit && askedGroup < groupCount; i += 2) {
                int group = askedGroup, chunk = askedChunk;
                if (inLine) next(group, chunk);
                if (group < groupCount) {
                    const Bf16* chunkFrom = from + static_cast<std::uint32_t>(expertOf(group) * width * size +
                                                                              chunk * kChunkValues);
                    if (column < columns.end) copyAsync(to + i * 512, chunkFrom);
                    if (column + 4 < columns.end) copyAsync(to + i * 512 + 256, chunkFrom + 4 * size);
                }
                next(askedGroup, askedChunk);
                next(askedGroup, askedChunk);
            }
        }
        closeGroup();
    };
    ask(0);
    previousDone();
    allowNext();
    askRows(a, xAt);
    Result first(a, columns.begin, batch);
    if (static_cast<int>(threadIdx.x) < columns.count() * batch) {
        const int c = a.batch.quotient(threadIdx.x);
        first = Result(a, columns.begin + c, a.batch.rest(threadIdx.x, c));
    }
    ask(1);
    if (warp == 0) choice.weigh(a.choice, groups);
    clearExchange(a);
    awaitGroups<1>();
    __syncthreads();

    float sum[2 * U > 4 ? 2 * U : 4][4];
    const auto clear = [&] {
#pragma unroll
        for (auto& tile : sum)
            tile[0] = tile[1] = tile[2] = tile[3] = 0;
    };
    const auto multiplyDown = [&](std::uint32_t from, int sub) {
        const int first = chunkBegin + sub * a.cut.perSub, count = min(a.cut.perSub, chunkEnd - first);
        const std::uint32_t step = g < batch ? kChunkBytes : 0,
                            input =
                                g < batch ? xAt + g * a.inputStride + first * kChunkBytes + t * 16 : nothing;
        if (sub == 0) clear();
#pragma unroll 1
        for (int i = 0; i < count; i += kAtOnce) {
            uint4 w[kAtOnce], v[kAtOnce];
#pragma unroll
            for (int j = 0; j < kAtOnce; ++j) {
                w[j] = readSixteen(i + j < count ? from + (i + j) * 512 : nothing);
                v[j] = readSixteen(i + j < count ? input + (i + j) * step : nothing);
            }
#pragma unroll
            for (int j = 0; j < kAtOnce; ++j) {
                multiplyOctet(sum[j % 2 * 2], w[j].x, w[j].y, v[j].x, v[j].y);
                multiplyOctet(sum[j % 2 * 2 + 1], w[j].z, w[j].w, v[j].z, v[j].w);
            }
        }
    };
    // A row's sums over warps, GELU, to all blocks.
    const auto finishRows = [&](int begin) {
        const int base = rows.begin + begin, count = min(kRound * 8, rows.end - base);
#pragma unroll 1
        for (int i = threadIdx.x; i < count * batch; i += kTeamThreads) {
            const int row = base + a.batch.quotient(i), b = a.batch.rest(i, row - base),
                      group = a.size.quotient(row), j = pickOf(group, b);
            if (j < 0) continue;
            const float h = sumOfParts(parts + i * kPartStride);
            publish(a.exchange + (b * k + j) * size + a.size.rest(row, group),
                    0.5f * h * erfcf(-0.70710678118654752f * h));
        }
    };
    const auto awaitHidden = [&] {
        if (threadIdx.x == kTeamThreads - 1) prefetchShare(a.ahead, a.aheadBytes, blockIdx.x, gridDim.x);
        stageHidden<Alone>(a, groups, x);
        clear();
        __syncthreads();
    };
    int group = 0, chunk = 0;  // next of `up` to be multiplied
    const auto multiplyUp = [&](std::uint32_t from) {
        const std::uint32_t hiddenAt = xAt + g % 2 * a.hiddenStride + up.first * kChunkBytes + t * 16;
#pragma unroll 1
        for (int i = 0; i < a.perUnit; i += kAtOnce) {
            uint4 w[kAtOnce], h[U][kAtOnce];
#pragma unroll
            for (int j = 0; j < kAtOnce; ++j) {
                const bool is = group < groupCount;
                w[j] = readSixteen(is ? from + (i + j) * 512 : nothing);
#pragma unroll
                for (int n = 0; n < U; ++n) {
                    const int b = n * 4 + g / 2;
                    const bool valid = is && b < batch;
                    const int choice = Alone   ? 0
                                       : valid ? groups.pick[group][b]
                                               : -1,
                              row = Alone ? group : b * k + choice;
                    h[n][j] = readSixteen(valid && choice >= 0
                                              ? hiddenAt + row * 2 * a.hiddenStride + chunk * kChunkBytes
                                              : nothing);
                }
                if (++chunk == up.count) chunk = 0, ++group;
            }
#pragma unroll
            for (int j = 0; j < kAtOnce; ++j)
#pragma unroll
                for (int n = 0; n < U; ++n) {
                    multiplyOctet(sum[2 * n], w[j].x, w[j].y, h[n][j].x, h[n][j].y);
                    multiplyOctet(sum[2 * n + 1], w[j].z, w[j].w, h[n][j].z, h[n][j].w);
                }
        }
    };
    int unit = 0;
    if (downUnits == 0) awaitHidden();
#pragma unroll 1
    for (; unit < max(units, downUnits); ++unit) {
        awaitGroups<1>();
        __syncwarp();
        const std::uint32_t from = held + static_cast<std::uint32_t>(unit % 2 * a.heldBytes);
        if (unit < downUnits) {
            const int octet = a.subs.quotient(unit), sub = a.subs.rest(unit, octet), inRound = octet % kRound;
            const bool last = unit + 1 == downUnits;
            multiplyDown(from, sub);
            if (sub + 1 == subs) {
#pragma unroll
                for (int c = 0; c < 2; ++c)
                    if (const int b = 2 * t + c; b < batch)
                        parts[((inRound * 8 + g) * batch + b) * kPartStride + warp] =
                            (sum[0][c] + sum[1][c]) + (sum[2][c] + sum[3][c]);
                if (inRound + 1 == kRound || last) {
                    __syncthreads();
                    finishRows((octet - inRound) * 8);
                    if (last)
                        awaitHidden();
                    else
                        __syncthreads();
                }
            }
        } else {
            multiplyUp(from);
        }
        __syncwarp();
        ask(unit + 2);
    }
    if (up.units > 0)
#pragma unroll
        for (int n = 0; n < U; ++n)
            if (const int b = n * 4 + t; b < batch)
                parts[((up.octet * 8 + g) * batch + b) * (a.warpsPerOctet + 1) + up.part] =
                    (sum[2 * n][0] + sum[2 * n + 1][0]) + (sum[2 * n][1] + sum[2 * n + 1][1]);
    __syncthreads();
#pragma unroll 1
    for (int i = threadIdx.x; i < columns.count() * batch; i += kTeamThreads) {
        if (i >= kTeamThreads) {
            const int c = a.batch.quotient(i);
            first = Result(a, columns.begin + c, a.batch.rest(i, c));
        }
        float y = 0;
#pragma unroll 4
        for (int p = 0; p < a.warpsPerOctet; ++p)
            y += parts[i * (a.warpsPerOctet + 1) + p];
        first.store(a, y);
    }
}

// With the largest units that leave room for so many sequences; 0: none do.
std::size_t bytesOf(OnceLaunch& a, std::int64_t batch) {
    const std::size_t room = static_cast<std::size_t>(deviceTraits().sharedPerBlock) - sizeof(Groups) - 1024;
    const std::int64_t input = batch * a.inputStride, hidden = batch * a.choice.k * 2 * a.hiddenStride,
                       parts = batch * 4 *
                               std::max<std::int64_t>(kRound * 8 * kPartStride,
                                                      a.octets * 8 * (a.warpsPerOctet + 1));
    a.partsAt = static_cast<int>(std::max(input, hidden));
    a.heldAt = a.partsAt + static_cast<int>((parts + 15) / 16 * 16);
    for (a.perUnit = kLoads; a.perUnit >= 4; a.perUnit /= 2) {
        a.heldBytes = a.perUnit * 512;
        const auto bytes = static_cast<std::size_t>(a.heldAt + kTeam * 2 * a.heldBytes);
        const int most = static_cast<int>((a.shape.width / kChunkValues + kTeam - 1) / kTeam);
        a.cut.subs = (most + a.perUnit - 1) / a.perUnit;
        a.cut.perSub = ((most + a.cut.subs - 1) / a.cut.subs + 1) / 2 * 2;
        a.subs = Divider(a.cut.subs);
        if (bytes <= room) return bytes;
    }
    return 0;
}

}  // namespace

// Whatever the batch, the same answer.
static bool plan(const DecodeExperts& d, OnceLaunch& a) {
    const DeviceTraits& device = deviceTraits();
    const std::int64_t width = d.shape.width, size = d.shape.size;
    if (!d.exchange || width % kChunkValues != 0 || size % kChunkValues != 0 || size > 4096 ||
        width > 65536 || d.choice.experts * size * width >= std::int64_t{1} << 31)
        return false;
    for (const void* p : {d.u, d.down, d.up, static_cast<const void*>(d.exchange)})
        if (!aligned16(p)) return false;
    a.choice = d.choice;
    a.shape = d.shape;
    a.octets = static_cast<int>(((width + device.multiprocessors - 1) / device.multiprocessors + 7) / 8);
    if (a.octets > kTeam) return false;
    a.warpsPerOctet = std::min(kTeam / a.octets, static_cast<int>(size / kChunkValues));
    a.blocks = Divider(device.multiprocessors);
    a.size = Divider(size);
    a.k = Divider(a.choice.k);
    a.octet = Divider(a.warpsPerOctet);
    a.inputStride = vectorStride(width);
    a.hiddenStride = vectorStride(size);
    return bytesOf(a, 1) > 0;
}

bool suitsOnce(Element element, const DecodeExperts& d) {
    OnceLaunch a;
    return element == Element::BF16 && plan(d, a);
}

int launchOnce(const DecodeExperts& d, Stream stream) {
    OnceLaunch a;
    plan(d, a);
    std::int64_t count = std::min<std::int64_t>(d.choice.batch, 8);
    while (bytesOf(a, count) == 0)
        --count;
    const std::int64_t launches = (d.choice.batch + count - 1) / count;
    count = (d.choice.batch + launches - 1) / launches;
    for (std::int64_t b = 0; b < d.choice.batch; b += count) {
        OnceLaunch one = a;
        ExpertChoice& c = one.choice;
        c.batch = std::min(count, d.choice.batch - b);
        one.batch = Divider(c.batch);
        c.logits += b * c.experts;
        c.noted += b * c.noteStride;
        c.chosen += b * c.noteStride;
        c.weights += b * c.noteStride;
        const std::int64_t row = b * d.shape.width, hidden = b * c.k * d.shape.size;
        one.u = static_cast<const Bf16*>(d.u) + row;
        one.down = static_cast<const Bf16*>(d.down);
        one.up = static_cast<const Bf16*>(d.up);
        one.residual = d.residual ? static_cast<const Bf16*>(d.residual) + row : nullptr;
        one.out = static_cast<Bf16*>(d.out) + row;
        one.exchange = d.exchange + hidden;
        one.cleared = d.cleared + hidden;
        one.scaling = d.scaling;
        if (b + count >= d.choice.batch) one.ahead = d.ahead, one.aheadBytes = d.aheadBytes;
        const std::size_t shared = bytesOf(one, c.batch);
        const auto blocks = static_cast<unsigned>(deviceTraits().multiprocessors);
        // With what the kernel has by itself it may be more than a launch gets unasked.
        const auto start = [&](auto kernel) {
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(shared));
            return launchDependent(kernel, blocks, kTeamThreads, shared, stream, one);
        };
        const int error =
            c.batch == 1 && c.experts <= 32 ? start(onceKernel<1, true>) : start(onceKernel<2, false>);
        if (error != 0) return error;
    }
    return 0;
}

}  // namespace caravan::kernels::cuda
