// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/similarity.h"

#include <ATen/Functions.h>

namespace caravan::engine::routing {
namespace {

std::vector<double> onHost(const at::Tensor& tensor) {
    const at::Tensor host = tensor.to(at::kCPU, at::kDouble).contiguous();
    const auto* values = host.const_data_ptr<double>();
    return {values, values + host.numel()};
}

// Cosines from inner products [E, E]; the diagonal is exactly 1 where there is something, 0 / 0 = NaN
// elsewhere.
std::vector<double> cosines(const at::Tensor& products) {
    const at::Tensor norms = products.diagonal().sqrt();
    at::Tensor result = products / (norms.unsqueeze(1) * norms.unsqueeze(0));
    at::Tensor diagonal = result.diagonal();
    diagonal.copy_(norms / norms);
    return onHost(result);
}

}  // namespace

at::Tensor adapterOutputs(const at::Tensor& u, const at::Tensor& down, const at::Tensor& up) {
    const at::Tensor inner =
        at::gelu(at::matmul(u.to(at::kFloat).unsqueeze(0), down.to(at::kFloat).transpose(1, 2)));
    return at::bmm(inner, up.to(at::kFloat).transpose(1, 2));
}

std::vector<double> mapCosines(const at::Tensor& down, const at::Tensor& up) {
    const std::int64_t experts = down.size(0);
    at::Tensor products =
        at::zeros({experts, experts}, at::TensorOptions().dtype(at::kDouble).device(down.device()));
    for (std::int64_t a = 0; a < experts; ++a)
        for (std::int64_t b = a; b < experts; ++b) {
            // <U_a D_a, U_b D_b> = sum of (U_a^T U_b) o (D_a D_b^T), both [r, r]
            const at::Tensor product = (at::mm(up[a].to(at::kFloat).t(), up[b].to(at::kFloat)) *
                                        at::mm(down[a].to(at::kFloat), down[b].to(at::kFloat).t()))
                                           .sum(at::kDouble);
            products[a][b].copy_(product);
            products[b][a].copy_(product);
        }
    return cosines(products);
}

std::vector<double> linearCka(const at::Tensor& outputs) {
    const at::Tensor centred = outputs - outputs.mean(1, /*keepdim=*/true);
    const at::Tensor gram = at::bmm(centred, centred.transpose(1, 2)).flatten(1).to(at::kDouble);
    return cosines(at::mm(gram, gram.t()));
}

std::vector<double> cosinesToDense(const at::Tensor& u, const at::Tensor& outputs, double scaling) {
    const at::Tensor dense = u.to(at::kFloat).unsqueeze(0);
    const at::Tensor sparse = dense + outputs * scaling;
    const at::Tensor cosine = (sparse * dense).sum(2) / (sparse.norm(2, 2) * dense.norm(2, 2));
    return onHost(cosine.mean(1));
}

}  // namespace caravan::engine::routing
