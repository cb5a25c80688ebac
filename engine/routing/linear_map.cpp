// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/Functions.h>

#include "engine/routing/adapter_fit.h"

namespace caravan::engine::routing {
namespace {

constexpr double kRidge = 1e-9;  // of the mean diagonal: where there are fewer tokens than D

struct Wide {
    at::Tensor input, wanted;  // F, E_full - F, fp64 on the host
};
Wide wide(const FfnPair& pair) {
    const at::Tensor input = pair.frozen.to(at::kCPU, at::kDouble);
    return {input, pair.tuned.to(at::kCPU, at::kDouble) - input};
}

// For each r: |wanted - prediction V_r V_r^T|^2 over |wanted|^2, by r. The columns of V are orthonormal, so
// each direction takes 2 <p_i, w_i> - |p_i|^2 off the whole.
at::Tensor errorsByRank(const Wide& data, const at::Tensor& prediction, const at::Tensor& directions) {
    const at::Tensor p = at::mm(prediction, directions), w = at::mm(data.wanted, directions);
    const at::Tensor whole = data.wanted.square().sum();
    return 1 - (2 * (p * w).sum(0) - p.square().sum(0)).cumsum(0) / whole;
}

}  // namespace

void addLinearMaps(const FfnPairs& pairs, std::vector<AdapterFit>& fits) {
    const std::int64_t hidden = pairs.fitting.frozen.size(1);
    if (hidden > kMostLinearHidden || fits.empty()) return;
    const Wide fitting = wide(pairs.fitting), heldOut = wide(pairs.heldOut);
    at::Tensor gram = at::mm(fitting.input.t(), fitting.input);
    gram.diagonal().add_(kRidge * gram.diagonal().mean().item<double>());
    const at::Tensor map = at::linalg_solve(gram, at::mm(fitting.input.t(), fitting.wanted));
    const at::Tensor prediction = at::mm(fitting.input, map);
    // Ascending eigenvalues: the strongest directions are the last columns.
    const at::Tensor directions = std::get<1>(at::linalg_eigh(at::mm(prediction.t(), prediction))).flip(1);
    const at::Tensor fitted = errorsByRank(fitting, prediction, directions);
    const at::Tensor held = errorsByRank(heldOut, at::mm(heldOut.input, map), directions);
    for (AdapterFit& fit : fits) {
        const std::int64_t rank = std::min(fit.width, hidden);
        fit.linearFitted = rank == 0 ? 1 : fitted[rank - 1].item<double>();
        fit.linear = rank == 0 ? 1 : held[rank - 1].item<double>();
    }
}

}  // namespace caravan::engine::routing
