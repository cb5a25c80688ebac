// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/checkpoint/tensor_stream.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/formats/dtypes.h"
#include "engine/formats/safetensors.h"

namespace caravan::engine::checkpoint {

TensorStream::TensorStream(std::vector<TensorView> tensors) : m_tensors(std::move(tensors)) {
    std::sort(m_tensors.begin(), m_tensors.end(),
              [](const TensorView& a, const TensorView& b) { return a.key < b.key; });
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    Bytes offset = 0;
    for (const auto& tensor : m_tensors) {
        Bytes expected = bytesOf(tensor.dtype);
        for (const auto size : tensor.shape)
            expected *= size;
        if (expected != static_cast<Bytes>(tensor.bytes.size()) || header.contains(tensor.key))
            throw EngineException(ErrorCode::Internal, {{"detail", "checkpoint tensor " + tensor.key +
                                                                       " has a wrong size or comes twice"}});
        header[tensor.key] = {{"dtype", safetensorsName(tensor.dtype)},
                              {"shape", tensor.shape},
                              {"data_offsets", {offset, offset + expected}}};
        offset += expected;
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    for (int i = 0; i < 8; ++i)
        m_header += static_cast<char>((text.size() >> (8 * i)) & 255);
    m_header += text;
    m_bytes = static_cast<Bytes>(m_header.size()) + offset;
}

void TensorStream::operator()(const ByteSink& sink) const {
    sink(std::as_bytes(std::span(m_header.data(), m_header.size())));
    for (const auto& tensor : m_tensors)
        if (!tensor.bytes.empty()) sink(tensor.bytes);
}

std::vector<HostTensor> readTensors(const std::filesystem::path& path) {
    const auto file = unwrap(SafetensorsFile::open(path));
    std::vector<HostTensor> tensors;
    for (const auto& info : file.tensors()) {
        const auto bytes = file.bytes(info);
        tensors.push_back({info.name, info.dtype, info.shape, {bytes.begin(), bytes.end()}});
    }
    std::sort(tensors.begin(), tensors.end(),
              [](const HostTensor& a, const HostTensor& b) { return a.key < b.key; });
    return tensors;
}

}  // namespace caravan::engine::checkpoint
