// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/layer_blobs.h"

#include <cstring>

namespace caravan::projects {
namespace {

void put(std::vector<std::uint8_t>& out, const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    out.insert(out.end(), bytes, bytes + size);
}
void putCount(std::vector<std::uint8_t>& out, std::size_t count) {
    const auto value = static_cast<std::uint32_t>(count);
    put(out, &value, 4);
}
std::uint32_t countAt(std::span<const std::uint8_t> bytes, std::size_t offset) {
    std::uint32_t value = 0;
    if (offset + 4 <= bytes.size()) std::memcpy(&value, bytes.data() + offset, 4);
    return value;
}

}  // namespace

std::vector<std::uint8_t> packLoad(const engine::StepMetrics& m) {
    std::vector<std::uint8_t> out;
    if (m.expertLoad.empty()) return out;
    putCount(out, m.expertLoad.size());
    putCount(out, m.expertLoad.front().size());
    for (const auto& layer : m.expertLoad)
        put(out, layer.data(), layer.size() * sizeof(float));
    return out;
}

std::vector<std::uint8_t> packLayers(const engine::StepMetrics& m) {
    std::vector<std::uint8_t> out;
    if (m.maxVio.empty()) return out;
    putCount(out, m.maxVio.size());
    for (const auto* values : {&m.maxVio, &m.entropy, &m.confidence, &m.margin, &m.tokenEntropy}) {
        std::vector<float> padded(*values);
        padded.resize(m.maxVio.size());
        put(out, padded.data(), padded.size() * sizeof(float));
    }
    return out;
}

void unpackLoad(std::span<const std::uint8_t> bytes, engine::StepMetrics& m) {
    m.expertLoad.clear();
    const std::size_t layers = countAt(bytes, 0), experts = countAt(bytes, 4);
    if (layers == 0 || bytes.size() != 8 + layers * experts * sizeof(float)) return;
    m.expertLoad.assign(layers, std::vector<float>(experts));
    for (std::size_t i = 0; i < layers; ++i)
        std::memcpy(m.expertLoad[i].data(), bytes.data() + 8 + i * experts * sizeof(float),
                    experts * sizeof(float));
}

void unpackLayers(std::span<const std::uint8_t> bytes, engine::StepMetrics& m) {
    const std::size_t layers = countAt(bytes, 0);
    if (layers == 0 || bytes.size() != 4 + 5 * layers * sizeof(float)) return;
    std::size_t offset = 4;
    for (auto* values : {&m.maxVio, &m.entropy, &m.confidence, &m.margin, &m.tokenEntropy}) {
        values->resize(layers);
        std::memcpy(values->data(), bytes.data() + offset, layers * sizeof(float));
        offset += layers * sizeof(float);
    }
}

}  // namespace caravan::projects
