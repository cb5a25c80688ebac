// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/snapshot.h"

#include <ATen/Functions.h>
#include <ATen/ops/from_blob.h>

#include <unordered_map>

namespace caravan::engine::train {

namespace {

checkpoint::TensorView viewOf(const at::Tensor& flat, const model::Parameter& parameter,
                              const std::string& prefix) {
    const auto* begin = static_cast<const std::byte*>(flat.const_data_ptr()) + parameter.offset * 4;
    return {.key = prefix + parameter.key,
            .dtype = DType::F32,
            .shape = parameter.shape,
            .bytes = {begin, static_cast<std::size_t>(parameter.elements()) * 4}};
}

[[noreturn]] void damaged(const checkpoint::LoadedCheckpoint& loaded, const std::string& detail) {
    throw EngineException(ErrorCode::CheckpointDamaged,
                          {{"path", loaded.folder.string()}, {"detail", detail}});
}

void fill(const checkpoint::LoadedCheckpoint& loaded, const std::vector<checkpoint::HostTensor>& tensors,
          const model::Trainable& trainable, const std::string& prefix, at::Tensor& flat) {
    std::unordered_map<std::string_view, const checkpoint::HostTensor*> byKey;
    for (const checkpoint::HostTensor& tensor : tensors)
        byKey[tensor.key] = &tensor;
    for (const model::Parameter& parameter : trainable.parameters()) {
        const std::string key = prefix + parameter.key;
        const auto found = byKey.find(key);
        if (found == byKey.end()) damaged(loaded, "no tensor " + key);
        const checkpoint::HostTensor& tensor = *found->second;
        if (tensor.shape != parameter.shape || tensor.dtype != DType::F32)
            damaged(loaded, "another shape or type of " + key);
        const at::Tensor host = at::from_blob(const_cast<std::byte*>(tensor.bytes.data()),
                                              {parameter.elements()}, at::TensorOptions().dtype(at::kFloat));
        flat.narrow(0, parameter.offset, parameter.elements()).copy_(host);
    }
}

}  // namespace

Snapshot::Snapshot(model::Trainable& trainable, bool withOptimizer) {
    auto onHost = [&](const at::Tensor& flat) {
        return m_memory.emplace_back(flat.to(at::kCPU, at::kFloat).contiguous());
    };
    const at::Tensor values = onHost(trainable.values());
    for (const model::Parameter& parameter : trainable.parameters())
        m_trainable.push_back(viewOf(values, parameter, ""));
    if (!withOptimizer || !trainable.tuning()) return;
    const at::Tensor first = onHost(trainable.firstMoments()), second = onHost(trainable.secondMoments());
    for (const model::Parameter& parameter : trainable.parameters()) {
        m_optimizer.push_back(viewOf(first, parameter, "exp_avg."));
        m_optimizer.push_back(viewOf(second, parameter, "exp_avg_sq."));
    }
}

Bytes Snapshot::bytes() const {
    Bytes sum = 0;
    for (const auto* views : {&m_trainable, &m_optimizer})
        for (const checkpoint::TensorView& view : *views)
            sum += static_cast<Bytes>(view.bytes.size());
    return sum;
}

void restore(model::Trainable& trainable, const checkpoint::LoadedCheckpoint& loaded, bool withOptimizer) {
    fill(loaded, loaded.trainable, trainable, "", trainable.values());
    if (loaded.trainable.size() != trainable.parameters().size())
        damaged(loaded, "more tensors than the model has");
    if (withOptimizer) {
        trainable.prepareTuning();
        fill(loaded, loaded.optimizer, trainable, "exp_avg.", trainable.firstMoments());
        fill(loaded, loaded.optimizer, trainable, "exp_avg_sq.", trainable.secondMoments());
    }
    trainable.refresh();
}

}  // namespace caravan::engine::train
