// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/token_batch.h"

#include <ATen/Functions.h>

namespace caravan::engine::train {

namespace {

template <class T>
at::Tensor tensorOf(const std::vector<T>& values, at::ScalarType type) {
    at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, type);
    std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<T>());
    return tensor;
}

}  // namespace

TokenBatch makeTokenBatch(const MicroBatch& batch) {
    std::vector<std::int32_t> ids, domains, roles;
    std::vector<std::int64_t> lengths, rows, labels;
    for (std::size_t segment = 0; segment < batch.segments(); ++segment) {
        const auto begin = static_cast<std::size_t>(batch.offsets[segment]),
                   end = static_cast<std::size_t>(batch.offsets[segment + 1]);
        const std::size_t first = ids.size();
        for (std::size_t t = begin; t < end; ++t) {
            if (batch.roles[t] == static_cast<std::uint8_t>(TokenRole::Padding)) continue;
            if (batch.labels[t] >= 0 && ids.size() > first) {  // predicted by the token before it
                rows.push_back(static_cast<std::int64_t>(ids.size()) - 1);
                labels.push_back(batch.labels[t]);
            }
            ids.push_back(batch.ids[t]);
            domains.push_back(batch.domains[segment]);
            roles.push_back(batch.roles[t] == static_cast<std::uint8_t>(TokenRole::Answer) ? 1 : 0);
        }
        lengths.push_back(static_cast<std::int64_t>(ids.size() - first));
    }
    TokenBatch result;
    result.tokens = model::packTokens(ids, lengths, at::kCPU);
    result.targets = {tensorOf(rows, at::kLong), tensorOf(labels, at::kLong)};
    result.domain = tensorOf(domains, at::kInt);
    result.role = tensorOf(roles, at::kInt);
    result.segmentDomains = batch.domains;
    return result;
}

TokenBatch toDevice(const TokenBatch& batch, at::Device device) {
    if (device.is_cpu()) return batch;
    auto move = [&](const at::Tensor& tensor) {
        return tensor.to(device, tensor.scalar_type(), /*non_blocking=*/true);
    };
    TokenBatch result = batch;
    result.tokens.ids = move(batch.tokens.ids);
    result.tokens.positions = move(batch.tokens.positions);
    result.tokens.segments.cumulative = move(batch.tokens.segments.cumulative);
    result.targets = {move(batch.targets.rows), move(batch.targets.labels)};
    result.domain = move(batch.domain);
    result.role = move(batch.role);
    return result;
}

}  // namespace caravan::engine::train
