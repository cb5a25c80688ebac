// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/formats/safetensors.h"

namespace caravan::test {

// A copy of a model folder whose float32 and bfloat16 tensors `change` may alter (name, values): stands for a
// model that was tuned elsewhere.
inline void writeTunedCopy(const std::filesystem::path& from, const std::filesystem::path& to,
                           const std::function<void(const std::string&, std::vector<float>&)>& change) {
    namespace fs = std::filesystem;
    using namespace engine;
    fs::create_directories(to);
    for (const auto& entry : fs::directory_iterator(from)) {
        const fs::path copy = to / entry.path().filename();
        std::ofstream(copy, std::ios::binary) << std::ifstream(entry.path(), std::ios::binary).rdbuf();
        if (copy.extension() != ".safetensors") continue;
        const auto file = unwrap(SafetensorsFile::open(entry.path()));
        std::fstream out(copy, std::ios::binary | std::ios::in | std::ios::out);
        for (const TensorInfo& tensor : file.tensors()) {
            const bool wide = tensor.dtype == DType::F32;
            if (!wide && tensor.dtype != DType::BF16) throw std::runtime_error(tensor.name);
            const std::byte* bytes = file.bytes(tensor).data();
            std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
            for (std::size_t i = 0; i < values.size(); ++i) {
                std::uint32_t bits = 0;
                std::memcpy(wide ? reinterpret_cast<char*>(&bits) : reinterpret_cast<char*>(&bits) + 2,
                            bytes + i * (wide ? 4 : 2), wide ? 4 : 2);
                values[i] = std::bit_cast<float>(bits);
            }
            change(tensor.name, values);
            out.seekp(tensor.offset);
            for (const float value : values)
                out.write(reinterpret_cast<const char*>(&value) + (wide ? 0 : 2), wide ? 4 : 2);
        }
    }
}

// Every FFN answers half as much again.
inline void louder(const std::string& name, std::vector<float>& values) {
    if (name.find("mlp.down_proj") == std::string::npos) return;
    for (float& value : values)
        value *= 1.5F;
}

}  // namespace caravan::test
