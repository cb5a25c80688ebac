// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/trainable.h"

#include <ATen/Functions.h>

#include <charconv>
#include <numeric>

#include "engine/api/result.h"

namespace caravan::engine::model {

namespace {
// Blocks begin at multiples of this, so that vector loads are aligned and no scale of the 8-bit moments spans
// two of them; the padding stays zero.
constexpr std::int64_t kAlignment = 256;

std::int64_t padded(std::int64_t elements) {
    return (elements + kAlignment - 1) / kAlignment * kAlignment;
}

// "...layers.12.mlp..." -> 12
std::int64_t layerOf(std::string_view key) {
    constexpr std::string_view kBefore = "layers.";
    std::int64_t layer = -1;
    if (const auto at = key.find(kBefore); at != std::string_view::npos)
        std::from_chars(key.data() + at + kBefore.size(), key.data() + key.size(), layer);
    return layer;
}

std::int64_t product(const std::vector<std::int64_t>& shape) {
    return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}
}  // namespace

std::int64_t Parameter::elements() const {
    return product(shape);
}

Trainable::Trainable(at::Device device, at::ScalarType compute) : m_device(device), m_compute(compute) {}

BlockId Trainable::add(ParameterGroup group, std::vector<std::string> keys, const at::Tensor& values) {
    Block block;
    block.shape = values.sizes().vec();
    block.offset = m_size;
    block.layer = layerOf(keys.front());
    block.initial = values.to(at::kCPU, masterType()).contiguous();
    std::vector<std::int64_t> shape = block.shape;
    const auto parts = static_cast<std::int64_t>(keys.size());
    if (parts > 1 || (group == ParameterGroup::Adapter && shape.size() == 3)) {
        if (shape.empty() || shape[0] != parts)
            throw EngineException(ErrorCode::Internal,
                                  {{"detail", "keys do not divide the block " + keys.front()}});
        shape.erase(shape.begin());
    }
    const std::int64_t elements = product(shape);
    for (std::int64_t i = 0; i < parts; ++i)
        m_parameters.push_back(
            {std::move(keys[static_cast<std::size_t>(i)]), group, shape, m_size + i * elements});
    m_size += padded(values.numel());
    m_blocks.push_back(std::move(block));
    return m_blocks.size() - 1;
}

void Trainable::allocate() {
    const at::Tensor before = m_values;
    m_values = at::zeros({m_size}, at::TensorOptions().device(m_device).dtype(masterType()));
    if (before.defined()) m_values.narrow(0, 0, before.numel()).copy_(before);
    releaseTuning();
    for (Block& block : m_blocks) {
        if (block.initial.defined()) slice(m_values, block).copy_(block.initial);
        block.initial.reset();
    }
    makeWorking();
}

void Trainable::makeWorking() {
    m_working =
        m_compute == masterType() ? m_values : at::zeros({m_size}, m_values.options().dtype(m_compute));
    for (Block& block : m_blocks)
        block.working = slice(m_working, block);
    refresh();
}

void Trainable::keepAs(TrainedValues trained) {
    if (trained == m_kept || m_compute == at::kDouble) return;
    m_kept = trained;
    if (!m_values.defined()) return;
    releaseTuning();
    m_values = m_values.to(masterType());
    makeWorking();
}

// The blocks of a layer behind each other, as in the flat buffers.
void Trainable::makeStage() {
    std::vector<std::int64_t> places;
    for (const Block& block : m_blocks) {
        if (block.layer < 0)
            throw EngineException(ErrorCode::Internal, {{"detail", "a trained tensor of no layer"}});
        places.push_back(m_stage.place(block.layer, block.offset, padded(product(block.shape))));
    }
    m_stage.allocate(m_device);
    for (std::size_t i = 0; i < m_blocks.size(); ++i)
        m_blocks[i].gradient = view(m_stage.sums(), places[i], m_blocks[i].shape);
}

void Trainable::foldGradients(std::int64_t layer, const ops::RandomKey& key) {
    if (staged()) m_stage.fold(layer, m_gradients, key);
}

void Trainable::prepareTuning(OptimizerKind optimizer) {
    if (tuning()) return;
    m_gradients = at::zeros_like(m_values);
    if (optimizer == OptimizerKind::AdamW8bit) {
        m_state8 = ops::adamW8State(m_values);
    } else {
        m_first = at::zeros_like(
            m_values, m_values.options().dtype(m_compute == at::kDouble ? at::kDouble : at::kFloat));
        m_second = at::zeros_like(m_first);
    }
    if (staged()) {
        makeStage();
        return;
    }
    for (Block& block : m_blocks)
        block.gradient = slice(m_gradients, block);
}

void Trainable::releaseTuning() {
    m_gradients.reset();
    m_first.reset();
    m_second.reset();
    m_state8 = {};
    m_stage = {};
    for (Block& block : m_blocks)
        block.gradient.reset();
}

std::int64_t Trainable::count() const {
    std::int64_t sum = 0;
    for (const Parameter& parameter : m_parameters)
        sum += parameter.elements();
    return sum;
}

std::int64_t Trainable::count(ParameterGroup group) const {
    std::int64_t sum = 0;
    for (const Parameter& parameter : m_parameters)
        if (parameter.group == group) sum += parameter.elements();
    return sum;
}

const Parameter* Trainable::find(std::string_view key) const {
    for (const Parameter& parameter : m_parameters)
        if (parameter.key == key) return &parameter;
    return nullptr;
}

void Trainable::refresh() {
    if (m_values.defined() && m_compute != masterType()) m_working.copy_(m_values);
}

void Trainable::zeroGradients() {
    m_gradients.zero_();
    m_stage.clear();
}

std::int64_t Trainable::bytes() const {
    std::int64_t sum = 0;
    for (const at::Tensor* flat : {&m_values, &m_gradients, &m_first, &m_second, &m_state8.codes1,
                                   &m_state8.codes2, &m_state8.absmax1, &m_state8.absmax2})
        if (flat->defined()) sum += static_cast<std::int64_t>(flat->nbytes());
    if (m_compute != masterType() && m_working.defined())
        sum += static_cast<std::int64_t>(m_working.nbytes());
    return sum + m_stage.bytes();
}

at::Tensor Trainable::view(const at::Tensor& flat, const Parameter& parameter) {
    return view(flat, parameter.offset, parameter.shape);
}

at::Tensor Trainable::view(const at::Tensor& flat, std::int64_t offset,
                           const std::vector<std::int64_t>& shape) {
    return flat.narrow(0, offset, product(shape)).view(shape);
}

at::Tensor Trainable::slice(const at::Tensor& flat, const Block& block) const {
    return view(flat, block.offset, block.shape);
}

}  // namespace caravan::engine::model
