// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

// How alike the experts of a layer are (methods.md section 5). fp32 on the tensors' device; results [E][E]
// row-major on the host, NaN where an expert adds nothing.
namespace caravan::engine::routing {

// What each adapter adds to u [T, D], without scaling and gate: W_up GELU(W_down u) -> [E, T, D].
// down [E, r, D], up [E, D, r].
[[nodiscard]] at::Tensor adapterOutputs(const at::Tensor& u, const at::Tensor& down, const at::Tensor& up);
// Cosine of the maps W_up W_down [D, D], the deltas from the dense model with the non-linearity left out; it
// does not depend on the order of an adapter's inner units. The maps themselves are never made.
[[nodiscard]] std::vector<double> mapCosines(const at::Tensor& down, const at::Tensor& up);
// Linear CKA of outputs [E, T, D]: <K_a, K_b> / (|K_a| |K_b|) of the centred Gram matrices.
[[nodiscard]] std::vector<double> linearCka(const at::Tensor& outputs);
// Mean over tokens of the cosine of u + s A_e(u) to u, [E].
[[nodiscard]] std::vector<double> cosinesToDense(const at::Tensor& u, const at::Tensor& outputs,
                                                 double scaling);

}  // namespace caravan::engine::routing
