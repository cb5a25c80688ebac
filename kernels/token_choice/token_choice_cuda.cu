// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/dependent.cuh"
#include "kernels/common/device.cuh"
#include "kernels/token_choice/token_choice.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kBlock = 1024;

template <class T>
__global__ void beginKernel(const TokenState* state, const T* embedding, std::int64_t width, T* x,
                            std::uint32_t* counters, std::int64_t counterCount) {
    previousDone();
    allowNext();
    const T* row = embedding + state[blockIdx.x].token * width;
    for (std::int64_t i = threadIdx.x; i < width; i += blockDim.x)
        x[blockIdx.x * width + i] = row[i];
    if (blockIdx.x > 0) return;
    for (std::int64_t i = threadIdx.x; i < counterCount; i += blockDim.x)
        counters[i] = 0;
}

struct Best {
    float value;
    int id;
};
struct Better {
    __device__ Best operator()(const Best& a, const Best& b) const {
        return a.value > b.value || (a.value == b.value && a.id < b.id) ? a : b;
    }
};
// By whole numbers in the order of the values.
__device__ Best warpBest(const Best& mine) {
    const std::uint32_t bits = __float_as_uint(mine.value + 0.0f),  // of the two zeros one
        key = bits & 0x80000000u ? ~bits : bits | 0x80000000u, most = __reduce_max_sync(0xFFFFFFFFu, key);
    const auto id = static_cast<std::uint32_t>(mine.id);
    return {__uint_as_float(most & 0x80000000u ? most ^ 0x80000000u : ~most),
            static_cast<int>(__reduce_min_sync(0xFFFFFFFFu, key == most ? id : 0x7FFFFFFFu))};
}
__device__ Best blockBest(Best mine) {
    __shared__ Best shared[32];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    mine = warpBest(mine);
    __syncthreads();
    if (lane == 0) shared[warp] = mine;
    __syncthreads();
    return warpBest(shared[lane]);
}
__device__ double blockSum(double value) {
    return blockReduce(value, 0.0, Plus{});
}

// Values that are not finite are never chosen.
__device__ __forceinline__ float finite(float x) {
    return isfinite(x) ? x : -INFINITY;
}

// What the chosen token's record needs of all logits.
struct Totals {
    double sum = 0, weighted = 0;  // of exp(v - top), and of that times v - top
    std::uint32_t ahead = 0;

    __device__ void overWarp() {
        sum = warpReduce(sum, Plus{});
        weighted = warpReduce(weighted, Plus{});
        ahead = __reduce_add_sync(0xFFFFFFFFu, ahead);
    }
    __device__ void overBlock() {
        __shared__ Totals shared[32];
        overWarp();
        if ((threadIdx.x & 31) == 0) shared[threadIdx.x >> 5] = *this;
        __syncthreads();
        *this = shared[threadIdx.x & 31];
        overWarp();
    }
};

// All logits to shared memory, those that are not finite as the lowest. Ends with a barrier.
__device__ void stage(const float* logits, int count, float* to) {
    int begin = 0;
    if (reinterpret_cast<std::uintptr_t>(logits) % 16 == 0) {
        begin = count / 4 * 4;
#pragma unroll 8
        for (int i = static_cast<int>(threadIdx.x) * 4; i < begin; i += kBlock * 4) {
            const float4 v = __ldcg(reinterpret_cast<const float4*>(logits + i));
            *reinterpret_cast<float4*>(to + i) =
                make_float4(finite(v.x), finite(v.y), finite(v.z), finite(v.w));
        }
    }
    for (int i = begin + static_cast<int>(threadIdx.x); i < count; i += kBlock)
        to[i] = finite(logits[i]);
    __syncthreads();
}

// The candidates that are left: mass above a key, or equal to it with an id up to a limit. A key is the
// mass's own bits: masses are not negative, so they have the order of their bits.
struct Bound {
    std::uint32_t key = 0;
    int lastId = 0x7FFFFFFF;
    __device__ bool holds(std::uint32_t k, int id) const { return k > key || (k == key && id <= lastId); }
};

struct Candidates {
    const float* mass;
    int count;
    Bound bound;

    // Sums over candidates with key >= each of three limits; countOnly: of 1.
    __device__ void sumsFrom(const std::uint32_t (&limit)[3], bool countOnly, double (&sums)[3]) const {
        double part[3] = {};
        for (int i = threadIdx.x; i < count; i += kBlock) {
            const std::uint32_t key = __float_as_uint(mass[i]);
            if (key < limit[0] || !bound.holds(key, i)) continue;
            const double value = countOnly ? 1.0 : static_cast<double>(mass[i]);
            part[0] += value;
            if (key >= limit[1]) part[1] += value;
            if (key >= limit[2]) part[2] += value;
        }
        for (int j = 0; j < 3; ++j)
            sums[j] = blockSum(part[j]);
    }
    __device__ double sumFrom(std::uint32_t limit, bool countOnly) const {
        double part = 0;
        for (int i = threadIdx.x; i < count; i += kBlock) {
            const std::uint32_t key = __float_as_uint(mass[i]);
            if (key >= limit && bound.holds(key, i)) part += countOnly ? 1.0 : static_cast<double>(mass[i]);
        }
        return blockSum(part);
    }
    // Candidates of one key with an id up to a limit.
    __device__ int countOf(std::uint32_t key, int lastId) const {
        double part = 0;
        for (int i = threadIdx.x; i < count && i <= lastId; i += kBlock)
            if (__float_as_uint(mass[i]) == key && bound.holds(key, i)) part += 1;
        return static_cast<int>(blockSum(part));
    }
    // In the order of falling mass, ties by id: the candidate with which the running sum reaches the target
    // (strict: passes it).
    __device__ Bound reach(double target, bool strict, bool countOnly) const {
        const auto enough = [&](double sum) { return strict ? sum > target : sum >= target; };
        std::uint32_t key = 0;
        for (int shift = 30; shift >= 0; shift -= 2) {
            const std::uint32_t limit[3] = {key | 1u << shift, key | 2u << shift, key | 3u << shift};
            double sums[3];
            sumsFrom(limit, countOnly, sums);
            key |= (enough(sums[2]) ? 3u : enough(sums[1]) ? 2u : enough(sums[0]) ? 1u : 0u) << shift;
        }
        const double before = key == 0xFFFFFFFFu ? 0.0 : sumFrom(key + 1, countOnly),
                     one = countOnly ? 1.0 : static_cast<double>(__uint_as_float(key));
        const int equal = countOf(key, count - 1);
        int nth = 1;  // of the equal ones
        if (equal > 1 && one > 0) {
            const double wanted = (target - before) / one;
            nth = static_cast<int>(
                fmin(static_cast<double>(equal), fmax(1.0, strict ? floor(wanted) + 1 : ceil(wanted))));
        }
        int low = -1, high = count - 1;  // countOf(low) < nth <= countOf(high)
        while (equal > 0 && high - low > 1) {
            const int middle = (low + high) / 2;
            (countOf(key, middle) < nth ? low : high) = middle;
        }
        return {key, high};
    }
};

__device__ double uniformOf(const ChoiceSettings& s, std::int32_t index) {
    PhiloxKey key = s.key;
    key.counter2 = static_cast<std::uint32_t>(index);
    const float u = (static_cast<float>(philox(key, 0).word[0] >> 8) * 0x1p-23f - 1.0f) * 0.5f;
    return fmin(1.0 - 1e-9, 0.5 + static_cast<double>(u));
}

// One token by temperature, top-k and top-p. score(i) is the penalised logit, top the highest of them.
template <class Score>
__device__ int draw(const TokenChoice& c, const ChoiceSettings& s, float* mass, float top, Score&& score,
                    std::int32_t index) {
    const int count = static_cast<int>(c.vocabulary);
    for (int i = threadIdx.x; i < count; i += kBlock) {
        const float v = score(i);
        mass[i] = v == -INFINITY ? 0.0f : expf((v - top) / s.temperature);
    }
    __syncthreads();
    Candidates left{mass, count, {}};
    if (s.topK > 0 && s.topK < count) left.bound = left.reach(s.topK, false, true);
    double sum = left.sumFrom(0, false);
    if (s.topP < 1.0) {
        left.bound = left.reach(fmax(s.topP * sum, 1e-300), false, false);
        sum = left.sumFrom(0, false);
    }
    return left.reach(uniformOf(s, index) * sum, true, false).lastId;
}

__device__ __forceinline__ TokenChoice ofSequence(const TokenChoice& all, std::int64_t b) {
    TokenChoice c = all;
    c.logits += b * c.vocabulary;
    c.seen += b * c.vocabulary;
    c.mass += b * c.vocabulary;
    c.settings += b;
    c.state += b;
    c.records += b * kRecordSlots;
    c.notes += b * c.noteCount;
    c.noted += b * kRecordSlots * c.noteCount;
    return c;
}

__global__ __launch_bounds__(kBlock) void chooseKernel(const __grid_constant__ TokenChoice all,
                                                       bool inShared) {
    extern __shared__ float shared[];
    __shared__ __align__(8) unsigned char recordBytes[sizeof(TokenRecord)];
    TokenRecord& record = *reinterpret_cast<TokenRecord*>(recordBytes);
    const TokenChoice c = ofSequence(all, blockIdx.x);
    previousDone();
    allowNext();
    if (c.state->left <= 0) return;
    const ChoiceSettings s = *c.settings;
    const std::int32_t index = c.state->index;
    const int count = static_cast<int>(c.vocabulary), slot = index % kRecordSlots;
    const bool penalised = s.penalty != 1.0f, staged = inShared && !(s.temperature > 0);
    if (staged) stage(c.logits, count, shared);
    const float* logits = staged ? shared : c.logits;
    const auto raw = [&](int i) { return finite(logits[i]); };
    const auto score = [&](int i) {
        const float v = raw(i);
        if (!penalised || c.seen[i] == 0) return v;
        return v > 0 ? v / s.penalty : v * s.penalty;
    };
    Best highest{-INFINITY, 0x7FFFFFFF}, best = highest;
#pragma unroll 4
    for (int i = threadIdx.x; i < count; i += kBlock) {
        highest = Better{}(highest, Best{raw(i), i});
        if (penalised) best = Better{}(best, Best{score(i), i});
    }
    const Best mine = highest;
    highest = blockBest(highest);
    best = penalised ? blockBest(best) : highest;
    const float top = highest.value;
    const int id =
        s.temperature > 0 ? draw(c, s, inShared ? shared : c.mass, best.value, score, index) : best.id;

    const float chosen = raw(id);
    Totals totals;
    for (int first = threadIdx.x; first < count; first += 4 * kBlock) {
        float sum = 0, weighted = 0;
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const int i = first + j * kBlock;
            const float v = i < count ? raw(i) : -INFINITY, distance = v - top;
            if (v > chosen || (v == chosen && i < id)) ++totals.ahead;
            if (v == -INFINITY) continue;
            const float power = expf(distance);
            sum += power;
            weighted += distance * power;
        }
        totals.sum += static_cast<double>(sum);
        totals.weighted += static_cast<double>(weighted);
    }
    totals.overBlock();
    const double logSum = log(totals.sum);

    // The most probable ones, one by one: the warp of the last one's owner looks for the owner's next.
    const int alternatives = min(min(s.alternatives, kMostAlternatives), count);
    Best next = mine;
    for (int n = 0; n < alternatives; ++n) {
        const Best found = blockBest(next);
        if (threadIdx.x == 0) {
            record.alternativeIds[n] = found.id;
            record.alternativeLogprobs[n] =
                static_cast<double>(found.value) - static_cast<double>(top) - logSum;
        }
        const int owner = found.id % kBlock;
        if (owner / 32 != static_cast<int>(threadIdx.x) / 32) continue;
        Best other{-INFINITY, 0x7FFFFFFF};
        for (int i = owner + static_cast<int>(threadIdx.x & 31) * kBlock; i < count; i += 32 * kBlock) {
            const Best one{raw(i), i};
            const bool after = one.value < found.value || (one.value == found.value && one.id > found.id);
            if (after) other = Better{}(other, one);
        }
        other = warpBest(other);
        if (owner == static_cast<int>(threadIdx.x)) next = other;
    }
    for (std::int64_t i = threadIdx.x; i < c.noteCount; i += kBlock)
        c.noted[slot * c.noteCount + i] = c.notes[i];
    if (threadIdx.x == 0) {
        record.id = id;
        record.rank = static_cast<std::int32_t>(totals.ahead) + 1;
        record.index = index;
        record.alternatives = alternatives;
        record.logprob = static_cast<double>(chosen) - static_cast<double>(top) - logSum;
        record.entropy = fmax(0.0, logSum - totals.weighted / totals.sum);
        c.state->token = id;
        c.state->position = c.state->left > 1 ? c.state->position + 1 : -1;
        c.state->index = index + 1;
        c.state->left -= 1;
        c.seen[id] = 1;
    }
    __syncthreads();
    const auto* from = reinterpret_cast<const std::uint32_t*>(recordBytes);
    auto* to = reinterpret_cast<std::uint32_t*>(c.records + slot);
    for (int i = threadIdx.x; i < static_cast<int>(sizeof(TokenRecord) / 4); i += kBlock)
        to[i] = from[i];
}

}  // namespace

int beginToken(Element element, const TokenState* state, std::int64_t batch, const void* embedding,
               std::int64_t width, void* x, std::uint32_t* counters, std::int64_t counterCount,
               Stream stream) {
    int error = 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        error = launchDependent(beginKernel<T>, static_cast<unsigned>(batch), kBlock, 0, stream, state,
                                static_cast<const T*>(embedding), width, static_cast<T*>(x), counters,
                                counterCount);
    });
    return error;
}

int chooseToken(const TokenChoice& choice, Stream stream) {
    const std::size_t bytes = static_cast<std::size_t>(choice.vocabulary) * 4;
    const bool inShared = bytes + 8192 <= static_cast<std::size_t>(deviceTraits().sharedPerBlock);
    return launchDependent(chooseKernel, static_cast<unsigned>(choice.batch), kBlock, inShared ? bytes : 0,
                           stream, choice, inShared);
}

}  // namespace caravan::kernels::cuda
