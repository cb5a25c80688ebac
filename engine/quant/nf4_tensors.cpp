// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/quant/nf4_tensors.h"

#include <ATen/Functions.h>

#include <nlohmann/json.hpp>

#include "engine/formats/dtypes.h"
#include "kernels/nf4/tables.h"

namespace caravan::engine::quant {
namespace {

at::Tensor onHost(const at::Tensor& tensor) {
    return tensor.to(at::kCPU).contiguous();
}

at::Tensor bytesOfText(const std::string& text) {
    at::Tensor bytes = at::empty({static_cast<std::int64_t>(text.size())}, at::kByte);
    std::copy(text.begin(), text.end(), bytes.mutable_data_ptr<std::uint8_t>());
    return bytes;
}

std::string stateText(const ops::Nf4& weight, DType stored) {
    nlohmann::ordered_json state{
        {"quant_type", "nf4"}, {"blocksize", 64}, {"dtype", torchName(stored)}, {"shape", weight.shape}};
    if (weight.doubleQuantised()) {
        state["nested_blocksize"] = 256;
        state["nested_dtype"] = "float32";
        state["nested_offset"] = weight.offset;
    }
    return state.dump();
}

}  // namespace

std::vector<Nf4Tensor> nf4Tensors(const std::string& key, const ops::Nf4& weight, DType stored) {
    std::vector<Nf4Tensor> out;
    const auto add = [&](const std::string& name, DType type, const at::Tensor& data) {
        out.push_back({{name, {data.sizes().begin(), data.sizes().end()}, type}, data});
    };
    add(key, DType::U8, onHost(weight.codes).view({-1, 1}));
    add(key + ".absmax", weight.doubleQuantised() ? DType::U8 : DType::F32, onHost(weight.absmax).flatten());
    if (weight.doubleQuantised()) {
        add(key + ".nested_absmax", DType::F32, onHost(weight.nestedAbsmax).flatten());
        add(key + ".nested_quant_map", DType::F32, onHost(weight.nestedMap).flatten());
    }
    at::Tensor map = at::empty({16}, at::kFloat);
    std::copy(std::begin(kernels::kNf4Code), std::end(kernels::kNf4Code), map.mutable_data_ptr<float>());
    add(key + ".quant_map", DType::F32, map);
    add(key + ".quant_state.bitsandbytes__nf4", DType::U8, bytesOfText(stateText(weight, stored)));
    return out;
}

}  // namespace caravan::engine::quant
