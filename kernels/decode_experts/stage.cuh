// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/dependent.cuh"
#include "kernels/common/device.cuh"
#include "kernels/decode_experts/decode_experts.h"

// What the kernels of the decoding experts share: the choice, and weights as lanes hold them.
namespace caravan::kernels::cuda {

constexpr int kWarpsPerBlock = 8, kBlock = kWarpsPerBlock * 32, kMost = 256;

struct Chosen {
    int expert[kDecodeChoices];
    float weight[kDecodeChoices];
};

// By one warp: k rounds of the highest logit left, 32 Slots experts at most.
template <int Slots>
__device__ __forceinline__ void chooseAmong(const ExpertChoice& c, Chosen& out, bool note, int lane) {
    float rank[Slots];
#pragma unroll
    for (int i = 0; i < Slots; ++i) {
        const int e = i * 32 + lane;
        float value = e < c.experts ? __ldcg(c.logits + e) : 0;
        if (e < c.experts && c.bias) value += c.bias[e];
        if (note && e < c.experts) c.noted[e] = value;
        if (e < c.experts && c.preference) value += c.preference[e];
        rank[i] = e < c.experts && !isnan(value) ? value : -INFINITY;
    }
    float score = -INFINITY;
    std::uint32_t used = 0;
    for (int j = 0; j < c.k; ++j) {
        float best = -INFINITY;
        int expert = kMost;
#pragma unroll
        for (int i = 0; i < Slots; ++i) {
            const int e = i * 32 + lane;
            if (e < c.experts && !(used >> i & 1u) && (expert == kMost || rank[i] > best))
                best = rank[i], expert = e;
        }
#pragma unroll
        for (int offset = 16; offset > 0; offset /= 2) {
            const float other = __shfl_xor_sync(0xFFFFFFFFu, best, offset);
            const int from = __shfl_xor_sync(0xFFFFFFFFu, expert, offset);
            if (from < kMost && (expert == kMost || other > best || (other == best && from < expert)))
                best = other, expert = from;
        }
        if (expert % 32 == lane) used |= 1u << (expert / 32);
        if (lane == j) {
            out.expert[j] = expert;
            score = __ldcg(c.logits + expert) + (c.bias ? c.bias[expert] : 0.0f) +
                    (c.preference ? fminf(0.0f, c.preference[expert]) : 0.0f);
        }
    }
    const float top = warpReduce(score, Larger{});
    const float power = lane < c.k ? expf(score - top) : 0.0f, sum = warpReduce(power, Plus{});
    if (lane < c.k) {
        out.weight[lane] = power / sum;
        if (note) c.chosen[lane] = out.expert[lane], c.weights[lane] = power / sum;
    }
}

__device__ __forceinline__ void chooseByWarp(const ExpertChoice& c, Chosen& out, bool note, int lane) {
    if (c.experts <= 32)
        chooseAmong<1>(c, out, note, lane);
    else
        chooseAmong<kMost / 32>(c, out, note, lane);
}

// Sixteen bytes of bf16, or as many fp32 values.
template <class T>
struct Chunk;
template <>
struct Chunk<Bf16> {
    uint4 raw;
    __device__ __forceinline__ void load(const Bf16* p) {
        asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
                     : "=r"(raw.x), "=r"(raw.y), "=r"(raw.z), "=r"(raw.w)
                     : "l"(p));
    }
    __device__ __forceinline__ void take(const Bf16* shared) {
        raw = *reinterpret_cast<const uint4*>(shared);
    }
    __device__ __forceinline__ float dot(const float* x) const {
        const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
        float sum = 0;
#pragma unroll
        for (int i = 0; i < 4; ++i)
            sum += __uint_as_float(words[i] << 16) * x[2 * i] +
                   __uint_as_float(words[i] & 0xFFFF0000u) * x[2 * i + 1];
        return sum;
    }
};
template <>
struct Chunk<float> {
    Eight<float> e;
    __device__ __forceinline__ void load(const float* p) { e = loadEight(p); }
    __device__ __forceinline__ void take(const float* shared) { e = loadEight(shared); }
    __device__ __forceinline__ float dot(const float* x) const {
        float sum = 0;
#pragma unroll
        for (int i = 0; i < 8; ++i)
            sum += e.v[i] * x[i];
        return sum;
    }
};

constexpr int kHeld = 8;  // chunks of a lane that are loaded ahead of the previous kernel's end

}  // namespace caravan::kernels::cuda
