// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "engine/formats/safetensors.h"

// Tensors of a safetensors fixture.
namespace caravan::engine::ops {

inline SafetensorsFile goldenFile(const std::string& name) {
    return unwrap(SafetensorsFile::open(std::string(CARAVAN_TEST_DATA) + "/bitsandbytes/" + name));
}

inline at::Tensor golden(const SafetensorsFile& file, const std::string& name) {
    const TensorInfo* info = file.find(name);
    if (info == nullptr) {
        ADD_FAILURE() << "no tensor " << name;
        return {};
    }
    const at::ScalarType type = info->dtype == DType::F32    ? at::kFloat
                                : info->dtype == DType::BF16 ? at::kBFloat16
                                                             : at::kByte;
    at::Tensor out = at::empty(info->shape, type);
    const auto bytes = file.bytes(*info);
    std::memcpy(out.data_ptr(), bytes.data(), bytes.size());
    return out;
}

inline bool sameBits(const at::Tensor& a, const at::Tensor& b) {
    const at::Tensor x = a.cpu().contiguous(), y = b.cpu().contiguous();
    return x.nbytes() == y.nbytes() && std::memcmp(x.data_ptr(), y.data_ptr(), x.nbytes()) == 0;
}

}  // namespace caravan::engine::ops
