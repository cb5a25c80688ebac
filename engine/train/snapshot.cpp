// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/snapshot.h"

#include <ATen/Functions.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <array>
#include <unordered_map>

namespace caravan::engine::train {

namespace {

DType typeOf(const at::Tensor& buffer) {
    if (buffer.scalar_type() == at::kBFloat16) return DType::BF16;
    return buffer.scalar_type() == at::kByte ? DType::U8 : DType::F32;
}
at::ScalarType scalarTypeOf(DType type) {
    return type == DType::BF16 ? at::kBFloat16 : at::kFloat;
}

checkpoint::TensorView viewOf(const at::Tensor& flat, const model::Parameter& parameter,
                              const std::string& prefix) {
    const auto width = static_cast<std::int64_t>(flat.element_size());
    const auto* begin = static_cast<const std::byte*>(flat.const_data_ptr()) + parameter.offset * width;
    return {.key = prefix + parameter.key,
            .dtype = typeOf(flat),
            .shape = parameter.shape,
            .bytes = {begin, static_cast<std::size_t>(parameter.elements() * width)}};
}

[[noreturn]] void damaged(const checkpoint::LoadedCheckpoint& loaded, const std::string& detail) {
    throw EngineException(ErrorCode::CheckpointDamaged,
                          {{"path", loaded.folder.string()}, {"detail", detail}});
}

using TensorsByKey = std::unordered_map<std::string_view, const checkpoint::HostTensor*>;

TensorsByKey byKey(const std::vector<checkpoint::HostTensor>& tensors) {
    TensorsByKey found;
    for (const checkpoint::HostTensor& tensor : tensors)
        found[tensor.key] = &tensor;
    return found;
}

const checkpoint::HostTensor& tensorOf(const checkpoint::LoadedCheckpoint& loaded,
                                       const TensorsByKey& tensors, const std::string& key,
                                       const std::vector<std::int64_t>& shape,
                                       std::initializer_list<DType> types) {
    const auto found = tensors.find(key);
    if (found == tensors.end()) damaged(loaded, "no tensor " + key);
    if (found->second->shape != shape ||
        std::find(types.begin(), types.end(), found->second->dtype) == types.end())
        damaged(loaded, "another shape or type of " + key);
    return *found->second;
}

void fill(const checkpoint::LoadedCheckpoint& loaded, const std::vector<checkpoint::HostTensor>& tensors,
          const model::Trainable& trainable, const std::string& prefix, at::Tensor& flat,
          std::initializer_list<DType> types) {
    const TensorsByKey found = byKey(tensors);
    for (const model::Parameter& parameter : trainable.parameters()) {
        const auto& tensor = tensorOf(loaded, found, prefix + parameter.key, parameter.shape, types);
        const at::Tensor host =
            at::from_blob(const_cast<std::byte*>(tensor.bytes.data()), {parameter.elements()},
                          at::TensorOptions().dtype(scalarTypeOf(tensor.dtype)));
        flat.narrow(0, parameter.offset, parameter.elements()).copy_(host);
    }
}

// The four buffers of 8-bit moments with their keys.
std::array<std::pair<const char*, at::Tensor*>, 4> buffersOf(ops::AdamW8State& state) {
    return {{{"state1", &state.codes1},
             {"absmax1", &state.absmax1},
             {"state2", &state.codes2},
             {"absmax2", &state.absmax2}}};
}

void fill8(const checkpoint::LoadedCheckpoint& loaded, ops::AdamW8State& state) {
    const TensorsByKey found = byKey(loaded.optimizer);
    for (const auto& [key, buffer] : buffersOf(state)) {
        const auto& tensor = tensorOf(loaded, found, key, buffer->sizes().vec(), {typeOf(*buffer)});
        buffer->copy_(at::from_blob(const_cast<std::byte*>(tensor.bytes.data()), buffer->sizes(),
                                    at::TensorOptions().dtype(buffer->scalar_type())));
    }
}

}  // namespace

const at::Tensor& Snapshot::keep(at::Tensor host) {
    return m_memory.emplace_back(host.contiguous());
}

Snapshot::Snapshot(model::Trainable& trainable, bool withOptimizer) {
    const bool bf16 = trainable.keptAs() == TrainedValues::Bf16;
    const at::Tensor& values = keep(trainable.values().to(at::kCPU, bf16 ? at::kBFloat16 : at::kFloat));
    for (const model::Parameter& parameter : trainable.parameters())
        m_trainable.push_back(viewOf(values, parameter, ""));
    if (!withOptimizer || !trainable.tuning()) return;
    if (trainable.eightBit())
        addMoments8(trainable);
    else
        addMoments(trainable);
}

void Snapshot::addMoments(model::Trainable& trainable) {
    const at::Tensor &first = keep(trainable.firstMoments().to(at::kCPU, at::kFloat)),
                     &second = keep(trainable.secondMoments().to(at::kCPU, at::kFloat));
    for (const model::Parameter& parameter : trainable.parameters()) {
        m_optimizer.push_back(viewOf(first, parameter, "exp_avg."));
        m_optimizer.push_back(viewOf(second, parameter, "exp_avg_sq."));
    }
}

void Snapshot::addMoments8(model::Trainable& trainable) {
    for (const auto& [key, buffer] : buffersOf(trainable.state8())) {
        const at::Tensor& host = keep(buffer->to(at::kCPU));
        m_optimizer.push_back(
            {.key = key,
             .dtype = typeOf(host),
             .shape = host.sizes().vec(),
             .bytes = {static_cast<const std::byte*>(host.const_data_ptr()), host.nbytes()}});
    }
}

Bytes Snapshot::bytes() const {
    Bytes sum = 0;
    for (const auto* views : {&m_trainable, &m_optimizer})
        for (const checkpoint::TensorView& view : *views)
            sum += static_cast<Bytes>(view.bytes.size());
    return sum;
}

void restore(model::Trainable& trainable, const checkpoint::LoadedCheckpoint& loaded,
             std::optional<OptimizerKind> optimizer) {
    fill(loaded, loaded.trainable, trainable, "", trainable.values(), {DType::F32, DType::BF16});
    if (loaded.trainable.size() != trainable.parameters().size())
        damaged(loaded, "more tensors than the model has");
    if (optimizer) {
        trainable.prepareTuning(*optimizer);
        if (trainable.eightBit()) {
            fill8(loaded, trainable.state8());
        } else {
            fill(loaded, loaded.optimizer, trainable, "exp_avg.", trainable.firstMoments(), {DType::F32});
            fill(loaded, loaded.optimizer, trainable, "exp_avg_sq.", trainable.secondMoments(), {DType::F32});
        }
    }
    trainable.refresh();
}

}  // namespace caravan::engine::train
