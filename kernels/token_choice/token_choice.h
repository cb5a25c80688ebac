// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"
#include "kernels/common/philox.h"

// Begin and end of a decoding step that never waits for the host: the embedding of the token in the state of
// each of `batch` sequences, and the choice of the next ones from their logits with everything that is told
// about them, a block a sequence. The rules are those
// of engine/generate/sampler, which is the reference: repetition penalty, temperature, top-k, top-p, the draw
// in the order of falling probability (ties: lowest id); logprob, entropy, rank and alternatives of the
// unmodified softmax. Floor of the choice: a few passes of one block over the logits in shared memory.
namespace caravan::kernels {

constexpr int kMostAlternatives = 32, kRecordSlots = 4;

struct TokenState {
    std::int32_t token = 0;     // the one that the next step reads
    std::int32_t position = 0;  // where it stands
    std::int32_t index = 0;     // of the token that the next step chooses, 0 = the answer's first
    // Tokens that may still be chosen. After the last one the position is -1 and nothing changes any more:
    // steps that were launched too early write nowhere.
    std::int32_t left = 0x7FFFFFFF;
};
struct ChoiceSettings {
    float temperature = 0;  // 0 = greedy
    float penalty = 1;
    double topP = 1;
    std::int32_t topK = 0;  // 0 = off
    std::int32_t alternatives = 0;
    PhiloxKey key;  // of step 0; the token's index is the step
};
struct TokenRecord {
    std::int32_t id = 0, rank = 1, index = 0, alternatives = 0;
    double logprob = 0, entropy = 0;
    double alternativeLogprobs[kMostAlternatives] = {};
    std::int32_t alternativeIds[kMostAlternatives] = {};
};
struct TokenChoice {
    const float* logits = nullptr;  // [batch, vocabulary]
    std::int64_t vocabulary = 0, batch = 1;
    std::uint8_t* seen = nullptr;  // [batch, vocabulary]: 1 = counts for the penalty; the chosen one is added
    float* mass = nullptr;         // [batch, vocabulary], scratch
    const ChoiceSettings* settings = nullptr;  // [batch]
    TokenState* state = nullptr;               // [batch], each moves on by one token
    TokenRecord* records = nullptr;  // [batch, kRecordSlots], host memory; slot = index % kRecordSlots
    const float* notes = nullptr;    // [batch, noteCount], copied to noted [batch, kRecordSlots, noteCount]
    float* noted = nullptr;
    std::int64_t noteCount = 0;
};

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

// x [batch, width] = embedding[state[b].token]; counters become zero.
int beginToken(Element element, const TokenState* state, std::int64_t batch, const void* embedding,
               std::int64_t width, void* x, std::uint32_t* counters, std::int64_t counterCount,
               Stream stream);
int chooseToken(const TokenChoice& choice, Stream stream);

}  // namespace caravan::kernels::cuda
