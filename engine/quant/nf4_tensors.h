// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "engine/formats/safetensors.h"
#include "engine/ops/ops.h"

namespace caravan::engine::quant {

// The tensors that stand for one NF4 weight in a checkpoint, as bitsandbytes writes them (methods.md section
// 4), on the host and in file order: KEY, .absmax, .nested_absmax, .nested_quant_map, .quant_map,
// .quant_state.bitsandbytes__nf4.
struct Nf4Tensor {
    TensorSpec spec;
    at::Tensor data;
};
[[nodiscard]] std::vector<Nf4Tensor> nf4Tensors(const std::string& key, const ops::Nf4& weight, DType stored);

}  // namespace caravan::engine::quant
