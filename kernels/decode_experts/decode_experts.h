// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// The experts of one decoding step, one token of each of `batch` sequences, 16 at most: top-k of the router's
// logits, then y = u + s sum_k w_k W_up,e GELU(W_down,e u), in two launches or one. Only the chosen experts'
// weights are read, each once, whoever chose it: for one sequence 2 k D r elements, the floor; they are asked
// for before the shared FFN has finished, since the router's logits are older than it. A sequence's bits do
// not depend on the others.
namespace caravan::kernels {

constexpr int kDecodeChoices = 16;  // k at most

struct ExpertChoice {
    std::int64_t experts = 0, k = 0;    // experts at most 256
    const float* logits = nullptr;      // [batch, experts]
    const float* bias = nullptr;        // [experts], added to the logits, or null
    const float* preference = nullptr;  // [experts], only for choosing; negative ones also lower the weight
    float* noted = nullptr;             // [experts]: logits + bias
    std::int32_t* chosen = nullptr;     // [k] by falling logit, ties: lowest index
    float* weights = nullptr;           // [k] softmax over the chosen
    std::int64_t batch = 1;
    std::int64_t noteStride =
        0;  // from a sequence's noted, chosen and weights to those of the next, elements
};
struct ExpertShape {
    std::int64_t width = 0, size = 0;  // D, r
};
// All of it in one call. `exchange`: fp32 [batch, k, r] whose words are all ones, and `cleared` as large,
// which is left so for the next call. Without them, as two launches.
struct DecodeExperts {
    ExpertChoice choice;
    ExpertShape shape;
    const void *u = nullptr, *down = nullptr, *up = nullptr;
    float* hidden = nullptr;  // [batch, k, r], where it is two launches
    float *exchange = nullptr, *cleared = nullptr;
    float scaling = 1;
    const void* residual = nullptr;
    void* out = nullptr;
    const void* ahead = nullptr;  // what the next kernel reads first, a multiple of 16 bytes, or null
    std::int64_t aheadBytes = 0;
};
// Fills noted, chosen, weights and hidden [batch, k, r] fp32 = GELU(down[e] u); u [batch, D], down [E, r, D]
// elements
void decodeExpertsDown(const ExpertChoice& choice, const ExpertShape& shape, const float* u,
                       const float* down, float* hidden);
// out [batch, D] = residual + u + scaling sum_k w_k up[e] hidden[k]; up [E, D, r]; residual [batch, D] may be
// null
void decodeExpertsUp(const ExpertChoice& choice, const ExpertShape& shape, const float* u, const float* up,
                     const float* hidden, float scaling, const float* residual, float* out);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

int decodeExperts(Element element, const DecodeExperts& experts, Stream stream);
int decodeExpertsDown(Element element, const ExpertChoice& choice, const ExpertShape& shape, const void* u,
                      const void* down, float* hidden, Stream stream);
int decodeExpertsUp(Element element, const ExpertChoice& choice, const ExpertShape& shape, const void* u,
                    const void* up, const float* hidden, float scaling, const void* residual, void* out,
                    Stream stream);

}  // namespace caravan::kernels::cuda
