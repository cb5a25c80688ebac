// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "engine/model/model.h"
#include "engine/routing/reading.h"

namespace caravan::engine::routing {

// What the FFNs of some layers of a dense model see: x [N, D] per layer, in the order of `layers`, of all
// tokens of the batches; in the compute type. Throws Interrupted.
[[nodiscard]] std::vector<at::Tensor> ffnInputs(model::Model& model, const std::vector<std::int64_t>& layers,
                                                const std::vector<DomainBatches>& domains,
                                                const std::function<void(std::int64_t rows)>& told,
                                                const std::stop_token& stop);

// The FFN of one layer, its LoRA included, on x [N, D] -> [N, D] fp32. Always in the same chunks, so that
// equal weights give equal outputs.
[[nodiscard]] at::Tensor ffnOutputs(model::Model& model, std::int64_t layer, const at::Tensor& x);

}  // namespace caravan::engine::routing
