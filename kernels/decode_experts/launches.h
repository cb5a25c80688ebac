// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/decode_experts/decode_experts.h"

// The kernels for several sequences behind decodeExpertsDown() and decodeExpertsUp().
namespace caravan::kernels::cuda {

constexpr std::int64_t kMostUsers = 16;      // sequences
constexpr std::int64_t kFewestTogether = 3;  // two read their own: they seldom choose the same

// Both halves in one launch (bf16); whether the shape suits does not depend on the batch.
bool suitsOnce(Element element, const DecodeExperts& experts);
int launchOnce(const DecodeExperts& experts, Stream stream);

// slices: of a row of `down`, kHeld * 256 inputs each.
int launchDownTogether(Element element, const ExpertChoice& choice, const ExpertShape& shape, const void* u,
                       const void* down, float* hidden, int slices, Stream stream);
// Columns of the model's width that a block takes at once; 0: too many experts to keep in shared memory.
int columnsTogether(Element element, const ExpertChoice& choice, const ExpertShape& shape);
int launchUpTogether(Element element, const ExpertChoice& choice, const ExpertShape& shape, const void* u,
                     const void* up, const float* hidden, float scaling, const void* residual, void* out,
                     int columns, Stream stream);

}  // namespace caravan::kernels::cuda
