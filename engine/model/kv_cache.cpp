// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/kv_cache.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "engine/api/result.h"

namespace caravan::engine::model {

KvCache::KvCache(const ModelConfig& config, at::Device device, at::ScalarType type, std::int64_t capacity)
    : m_capacity(std::max<std::int64_t>(capacity, 16)) {
    const auto options = at::TensorOptions().device(device).dtype(type);
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
        m_keys.push_back(at::zeros({1, m_capacity, config.kvHeads, config.headSize}, options));
        m_values.push_back(at::zeros({1, m_capacity, config.kvHeads, config.headSize}, options));
    }
}

void KvCache::reserve(std::int64_t positions) {
    if (positions <= m_capacity) return;
    const std::int64_t capacity = std::max(positions, 2 * m_capacity);
    for (auto* tensors : {&m_keys, &m_values})
        for (at::Tensor& tensor : *tensors) {
            at::Tensor grown = at::zeros({1, capacity, tensor.size(2), tensor.size(3)}, tensor.options());
            grown.narrow(1, 0, m_length).copy_(tensor.narrow(1, 0, m_length));
            tensor = grown;
        }
    m_capacity = capacity;
}

void KvCache::truncate(std::int64_t positions) {
    if (positions < 0 || positions > m_length)
        throw EngineException(ErrorCode::Internal, {{"detail", "truncate beyond the cache"}});
    m_length = positions;
}

std::int64_t KvCache::bytes() const {
    std::int64_t sum = 0;
    for (const auto* tensors : {&m_keys, &m_values})
        for (const at::Tensor& tensor : *tensors)
            sum += static_cast<std::int64_t>(tensor.nbytes());
    return sum;
}

}  // namespace caravan::engine::model
