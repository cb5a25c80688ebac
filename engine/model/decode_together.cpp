// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/decode_together.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "engine/model/layer.h"
#include "engine/ops/few_rows.h"

namespace caravan::engine::model {

bool decodesTogether(const Model& model) {
    return model.device().is_cpu();
}

at::Tensor decodeTogether(Model& model, std::span<const std::int32_t> ids, std::span<KvCache* const> caches,
                          const ForwardOptions& options) {
    const auto count = static_cast<std::int64_t>(ids.size());
    if (count == 0 || count > ops::kFewRows || caches.size() != ids.size())
        throw EngineException(ErrorCode::Internal, {{"detail", "decode of a batch that cannot be"}});
    at::Tensor tokens = at::empty({count}, at::kLong), positions = at::empty({count}, at::kInt);
    std::copy(ids.begin(), ids.end(), tokens.mutable_data_ptr<std::int64_t>());
    std::int64_t longest = 0;
    for (std::size_t b = 0; b < caches.size(); ++b) {
        const std::int64_t length = caches[b]->length();
        caches[b]->reserve(length + 1);
        positions.mutable_data_ptr<std::int32_t>()[b] = static_cast<std::int32_t>(length);
        longest = std::max(longest, length + 1);
    }
    LayerPass pass{.config = model.config(),
                   .parameters = model.trainable(),
                   .workspace = model.workspace(),
                   .rope = model.ropeTable(longest),
                   .compute = model.compute()};
    pass.positions = positions.to(model.device());
    pass.lengths = pass.positions + 1;
    pass.sequences = caches;
    pass.options = &options;
    at::Tensor x = at::embedding(model.embedding(), tokens.to(model.device()));
    for (const Layer& layer : model.layers())
        x = forward(layer, x, pass, nullptr);
    for (KvCache* cache : caches)
        cache->advance(1);
    return ops::rmsNorm(x, model.finalNorm(), model.config().normEps).y;
}

void copyPrefix(const Model& model, KvCache& from, std::int64_t positions, KvCache& to) {
    to.reserve(positions);
    for (std::int64_t layer = 0; layer < model.config().layers; ++layer) {
        to.keys(layer).narrow(1, 0, positions).copy_(from.keys(layer).narrow(1, 0, positions));
        to.values(layer).narrow(1, 0, positions).copy_(from.values(layer).narrow(1, 0, positions));
    }
    to.advance(positions);
}

Bytes cacheBytes(const Model& model, std::int64_t positions) {
    const ModelConfig& config = model.config();
    return 2 * config.layers * positions * config.keyWidth() *
           static_cast<Bytes>(c10::elementSize(model.compute()));
}

}  // namespace caravan::engine::model
