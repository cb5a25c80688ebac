// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>

#include "engine/model/model.h"

namespace caravan::engine::model {

// Whether decodeTogether gives each sequence the bits that Model::decode gives it alone: on the CPU.
[[nodiscard]] bool decodesTogether(const Model& model);

// Appends ids[b] to the sequence of caches[b], for at most ops::kFewRows sequences of any lengths -> hidden
// states [B, D]. Every weight is read once for all. The routing of a call has row b for sequence b. On a GPU
// it goes through the same operations as a prompt, with the library's products: generate/batch_decoder is the
// fast way there.
[[nodiscard]] at::Tensor decodeTogether(Model& model, std::span<const std::int32_t> ids,
                                        std::span<KvCache* const> caches, const ForwardOptions& options);

// The first positions of from become those of to, which is empty; both are the model's.
void copyPrefix(const Model& model, KvCache& from, std::int64_t positions, KvCache& to);

// Of a cache with room for so many positions.
[[nodiscard]] Bytes cacheBytes(const Model& model, std::int64_t positions);

}  // namespace caravan::engine::model
