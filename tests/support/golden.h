// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/Functions.h>
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "engine/formats/safetensors.h"
#include "engine/model/host_tensor.h"
#include "engine/model/model.h"
#include "engine/train/answer_loss.h"

namespace caravan::engine {

inline std::filesystem::path dataFolder() {
    return CARAVAN_TEST_DATA;
}

// A tensor of a golden file, copied.
class Golden {
  public:
    explicit Golden(const std::filesystem::path& path) : m_file(unwrap(SafetensorsFile::open(path))) {}
    [[nodiscard]] bool has(const std::string& name) const { return m_file.find(name) != nullptr; }
    [[nodiscard]] at::Tensor operator[](const std::string& name) const {
        const TensorInfo* info = m_file.find(name);
        if (!info) throw std::runtime_error("golden file lacks " + name);
        at::Tensor tensor = at::empty(info->shape, at::TensorOptions().dtype(model::scalarType(info->dtype)));
        const auto bytes = m_file.bytes(*info);
        std::copy(bytes.begin(), bytes.end(), static_cast<std::byte*>(tensor.mutable_data_ptr()));
        return tensor;
    }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> result;
        for (const TensorInfo& tensor : m_file.tensors())
            result.push_back(tensor.name);
        return result;
    }

  private:
    SafetensorsFile m_file;
};

// [B, T] ids as a packed batch of B rows.
inline model::Tokens packRows(const at::Tensor& ids) {
    const at::Tensor flat = ids.flatten().to(at::kInt);
    const std::vector<std::int64_t> lengths(static_cast<std::size_t>(ids.size(0)), ids.size(1));
    return model::packTokens({flat.const_data_ptr<std::int32_t>(), static_cast<std::size_t>(flat.numel())},
                             lengths, at::kCPU);
}

// labels [B, T] of the same positions as the ids (-100 = not trained): position t predicts label t + 1.
inline train::Targets shiftedTargets(const at::Tensor& labels) {
    std::vector<std::int64_t> rows, wanted;
    const std::int64_t length = labels.size(1);
    const at::Tensor host = labels.contiguous();
    const auto* value = host.const_data_ptr<std::int64_t>();
    for (std::int64_t b = 0; b < labels.size(0); ++b)
        for (std::int64_t t = 0; t + 1 < length; ++t)
            if (value[b * length + t + 1] != -100) {
                rows.push_back(b * length + t);
                wanted.push_back(value[b * length + t + 1]);
            }
    return {at::tensor(rows, at::kLong), at::tensor(wanted, at::kLong)};
}

inline double relativeError(const at::Tensor& value, const at::Tensor& wanted) {
    const at::Tensor difference = value.to(at::kDouble) - wanted.to(at::kDouble);
    return (difference.norm() / (wanted.to(at::kDouble).norm() + 1e-30)).item<double>();
}

}  // namespace caravan::engine
