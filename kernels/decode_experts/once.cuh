// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/async_copy.cuh"
#include "kernels/common/octet.cuh"
#include "kernels/decode_experts/stage.cuh"

// Parts of the kernel that has both halves of the decoding experts.
namespace caravan::kernels::cuda {

constexpr std::uint32_t kNotYet = 0xFFFFFFFFu;  // a NaN that no sum is

struct OnceLaunch {
    ExpertChoice choice;
    ExpertShape shape;
    const Bf16 *u = nullptr, *down = nullptr, *up = nullptr, *residual = nullptr;
    Bf16* out = nullptr;
    float *exchange = nullptr, *cleared = nullptr;  // [batch, k, size]
    const void* ahead = nullptr;
    std::int64_t aheadBytes = 0;
    float scaling = 1;
    RowCut cut;                                   // of a row of `down`
    Divider blocks, size, k, batch, subs, octet;  // octet: by warpsPerOctet
    int perUnit = kLoads;                         // chunks that a lane asks for at once, even
    int octets = 1, warpsPerOctet = 1;            // of a block's columns of `up`
    int inputStride = 0, hiddenStride = 0, partsAt = 0, heldAt = 0, heldBytes = 0;  // bytes
};

// Who chose what: group = an expert that somebody chose, in the order of their numbers.
struct Groups {
    Chosen chosen[kMostUsers];
    int expert[kMost];
    signed char pick[kMost][kMostUsers];  // a sequence's choice that the group is, or -1
    std::uint32_t present[kMost / 32];
    int count;
    // Of one sequence, as each warp finds them by itself: group's expert and choice.
    short alone[kTeam][kDecodeChoices], choice[kTeam][kDecodeChoices];
    int groupOf[kDecodeChoices];
    float weight[kDecodeChoices];  // of a group
};

// The choice of one sequence of at most 32 experts, by each warp for itself: a lane an expert, then a lane a
// choice.
struct AloneChoice {
    float logit = 0, preference = 0;
    int expert = 0, group = 0;

    __device__ __forceinline__ AloneChoice(const ExpertChoice& c, Groups& groups) {
        const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, k = static_cast<int>(c.k);
        const bool is = lane < c.experts;
        if (is) logit = __ldcg(c.logits + lane) + (c.bias ? c.bias[lane] : 0.0f);
        if (is && c.preference) preference = c.preference[lane];
        const float rank = logit + preference + 0.0f;  // of the two zeros one
        const std::uint32_t bits = __float_as_uint(isnan(rank) ? -INFINITY : rank);
        std::uint32_t key = !is ? 0u : bits & 0x80000000u ? ~bits : bits | 0x80000000u, used = 0;
#pragma unroll 1
        for (int j = 0; j < k; ++j) {
            const std::uint32_t most = __reduce_max_sync(0xFFFFFFFFu, key);
            const int found = __ffs(static_cast<int>(__ballot_sync(0xFFFFFFFFu, key == most))) - 1;
            used |= 1u << found;
            if (lane == found) key = 0;
            if (lane == j) expert = found;
        }
        group = __popc(used & ((1u << expert) - 1));
        if (lane < k) {
            groups.alone[warp][group] = static_cast<short>(expert);
            groups.choice[warp][group] = static_cast<short>(lane);
        }
        __syncwarp();
    }
    // By warp 0: the weights, which are there after the next barrier; tells what was chosen.
    __device__ __forceinline__ void weigh(const ExpertChoice& c, Groups& groups) const {
        const int lane = threadIdx.x & 31, k = static_cast<int>(c.k);
        const float score = __shfl_sync(0xFFFFFFFFu, logit + fminf(0.0f, preference), expert),
                    top = warpReduce(lane < k ? score : -INFINITY, Larger{}),
                    power = lane < k ? expf(score - top) : 0.0f, sum = warpReduce(power, Plus{});
        if (lane < k) groups.groupOf[lane] = group, groups.weight[group] = power / sum;
        if (blockIdx.x > 0) return;
        if (lane < c.experts) c.noted[lane] = logit;
        if (lane < k) c.chosen[lane] = expert, c.weights[lane] = power / sum;
    }
};

// By all threads; ends with a barrier. Blocks 0, 1, ... tell what was chosen, each of a sequence.
struct ManyChoices {
    __device__ __forceinline__ ManyChoices(const ExpertChoice& all, Groups& groups) {
        const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, k = static_cast<int>(all.k),
                  batch = static_cast<int>(all.batch);
        if (warp < batch) {
            ExpertChoice c = all;
            c.logits += warp * c.experts;
            c.noted += warp * c.noteStride;
            c.chosen += warp * c.noteStride;
            c.weights += warp * c.noteStride;
            chooseByWarp(c, groups.chosen[warp], warp % gridDim.x == blockIdx.x, lane);
        }
        if (threadIdx.x < kMost / 32) groups.present[threadIdx.x] = 0;
        __syncthreads();
        const auto belowOf = [&](int expert) {  // groups before this expert's
            int sum = __popc(groups.present[expert / 32] & ((1u << expert % 32) - 1));
            for (int i = 0; i < expert / 32; ++i)
                sum += __popc(groups.present[i]);
            return sum;
        };
        const int mine = threadIdx.x, total = batch * k;
        const int expert = mine < total ? groups.chosen[mine / k].expert[mine % k] : 0;
        if (mine < total) atomicOr(&groups.present[expert / 32], 1u << expert % 32);
        __syncthreads();
        if (mine < kMost && (groups.present[mine / 32] >> mine % 32 & 1u)) {
            const int group = belowOf(mine);
            groups.expert[group] = mine;
            for (int b = 0; b < kMostUsers; ++b)
                groups.pick[group][b] = -1;
        }
        if (mine == 0) {
            int count = 0;
            for (int i = 0; i < kMost / 32; ++i)
                count += __popc(groups.present[i]);
            groups.count = count;
        }
        __syncthreads();
        if (mine < total) groups.pick[belowOf(expert)][mine / k] = static_cast<signed char>(mine % k);
        __syncthreads();
    }
    __device__ __forceinline__ void weigh(const ExpertChoice&, Groups&) const {}
};

// Addresses in shared memory are numbers that the compiler cannot make again from the thread's own: in short
// loops it did, with reads of special registers.
__device__ __forceinline__ std::uint32_t addressOf(const void* shared) {
    auto address = sharedAddress(shared);
    asm volatile("" : "+r"(address));
    return address;
}
__device__ __forceinline__ uint4 readSixteen(std::uint32_t shared) {
    uint4 v;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "r"(shared)
                 : "memory");
    return v;
}

// The input's rows are asked for to shared memory.
__device__ __forceinline__ void askRows(const OnceLaunch& a, std::uint32_t x) {
    const int perRow = static_cast<int>(a.shape.width / 8);
    const Bf16* from = a.u;
#pragma unroll 1
    for (int b = 0; b < static_cast<int>(a.choice.batch); ++b, x += a.inputStride, from += a.shape.width)
#pragma unroll 1
        for (int i = threadIdx.x; i < perRow; i += kTeamThreads)
            copyAsync(x + i * 16, from + i * 8);
    closeGroup();
}

// What the next call waits for.
__device__ __forceinline__ void clearExchange(const OnceLaunch& a) {
    const int values = static_cast<int>(a.choice.batch * a.choice.k * a.shape.size);
#pragma unroll 1
    for (int i = static_cast<int>(blockIdx.x * kTeamThreads + threadIdx.x); i < values;
         i += static_cast<int>(gridDim.x) * kTeamThreads)
        a.cleared[i] = __uint_as_float(kNotYet);
}

__device__ __forceinline__ void publish(float* to, float value) {
    std::uint32_t bits = __float_as_uint(value);
    if (bits == kNotYet) bits = 0x7FFFFFFFu;
    asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(to), "r"(bits) : "memory");
}
__device__ __forceinline__ uint4 awaitFour(const float* from) {
    uint4 v;
    do {
        asm volatile("ld.relaxed.gpu.global.v4.u32 {%0,%1,%2,%3}, [%4];"
                     : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                     : "l"(from)
                     : "memory");
    } while (v.x == kNotYet || v.y == kNotYet || v.z == kNotYet || v.w == kNotYet);
    return v;
}

// The hidden values of all blocks, times their weight, as two bf16 each: rows (entry, high) and (entry, low),
// an entry a choice, or a group where there is one sequence.
template <bool Alone>
__device__ __forceinline__ void stageHidden(const OnceLaunch& a, const Groups& groups, unsigned char* to) {
    const int size = static_cast<int>(a.shape.size), k = static_cast<int>(a.choice.k),
              values = static_cast<int>(a.choice.batch) * k * size;
#pragma unroll 1
    for (int i = static_cast<int>(threadIdx.x) * 4; i < values; i += kTeamThreads * 4) {
        const uint4 raw = awaitFour(a.exchange + i);
        const int entry = a.size.quotient(i), at = a.size.rest(i, entry), b = a.k.quotient(entry),
                  own = Alone ? groups.groupOf[entry] : entry;
        const float weight = Alone ? groups.weight[own] : groups.chosen[b].weight[a.k.rest(entry, b)];
        const float v[4] = {__uint_as_float(raw.x) * weight, __uint_as_float(raw.y) * weight,
                            __uint_as_float(raw.z) * weight, __uint_as_float(raw.w) * weight};
        float low[4];
#pragma unroll
        for (int j = 0; j < 4; ++j)
            low[j] = v[j] - toFloat(fromFloat<Bf16>(v[j]));
        unsigned char* row = to + own * 2 * a.hiddenStride + at * 2;
        *reinterpret_cast<uint2*>(row) = make_uint2(packBf16(v[0], v[1]), packBf16(v[2], v[3]));
        *reinterpret_cast<uint2*>(row + a.hiddenStride) =
            make_uint2(packBf16(low[0], low[1]), packBf16(low[2], low[3]));
    }
}

// A value of the output: u and the residual that go into it.
struct Result {
    int column, sequence;
    Bf16 own = 0.0f, rest = 0.0f;

    __device__ __forceinline__ Result(const OnceLaunch& a, int column, int sequence)
        : column(column), sequence(sequence) {
        if (sequence >= a.choice.batch) return;
        const std::int64_t at = sequence * a.shape.width + column;
        own = a.u[at];
        if (a.residual) rest = a.residual[at];
    }
    __device__ __forceinline__ void store(const OnceLaunch& a, float sum) const {
        a.out[sequence * a.shape.width + column] =
            fromFloat<Bf16>(toFloat(fromFloat<Bf16>(toFloat(own) + a.scaling * sum)) + toFloat(rest));
    }
};

}  // namespace caravan::kernels::cuda
