// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/routing/choices.h"
#include "engine/routing/observed_model.h"
#include "engine/routing/probe_routing.h"
#include "engine/routing/probe_rows.h"
#include "engine/train/token_batch.h"

namespace caravan::engine::routing {

// A domain's rows as micro-batches on the device.
struct DomainBatches {
    std::vector<train::TokenBatch> batches;
    std::vector<std::int64_t> rows;  // of each batch, for progress
};
[[nodiscard]] std::vector<DomainBatches> batchesOf(const std::vector<ProbeRows::Domain>& domains,
                                                   at::Device device);

// What one forward pass over the probe set says. Tokens stand in the order of the batches, so that two models
// read the same ones alike.
struct Reading {
    Choices choices;
    RoutingSums::Totals totals;
    std::vector<at::Tensor> shared;  // u of sampled tokens by sparse layer [N, D]; empty if none were wanted
};
// samples: tokens whose shared FFN output is kept, spread over the batches; 0 = none.
[[nodiscard]] Reading readChoices(model::Model& model, const std::vector<DomainBatches>& domains,
                                  const std::vector<std::string>& names, std::int64_t samples,
                                  const ProgressFunction& progress, const std::stop_token& stop);

// Held-out loss per domain (nats per answer token; NaN without any) under a changed router.
[[nodiscard]] std::vector<double> lossUnder(model::Model& model, const std::vector<DomainBatches>& domains,
                                            const moe::Steering& steering, const std::stop_token& stop);

}  // namespace caravan::engine::routing
