// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/reading.h"

#include <ATen/Functions.h>

#include <limits>

namespace caravan::engine::routing {
namespace {

void check(const std::stop_token& stop) {
    if (stop.stop_requested()) throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
}

template <class T, class Out>
void append(const at::Tensor& tensor, std::vector<Out>& out) {
    const at::Tensor host = tensor.to(at::kCPU).contiguous();
    const T* values = host.const_data_ptr<T>();
    for (std::int64_t i = 0; i < host.numel(); ++i)
        out.push_back(static_cast<Out>(values[i]));
}

void appendTokens(const train::TokenBatch& batch, Choices& choices) {
    const std::size_t before = choices.tokens();
    append<std::int64_t>(batch.tokens.ids, choices.ids);
    append<std::int32_t>(batch.domain, choices.domains);
    const auto& offsets = batch.tokens.segments.offsets;
    for (std::size_t row = 0; row + 1 < offsets.size(); ++row)
        choices.rows.insert(choices.rows.end(), static_cast<std::size_t>(offsets[row + 1] - offsets[row]),
                            static_cast<std::int64_t>(before) + offsets[row]);
}

// Every n-th token, so that `count` of all are taken.
at::Tensor sampled(const at::Tensor& u, std::int64_t count) {
    const std::int64_t stride = std::max<std::int64_t>(1, u.size(0) / std::max<std::int64_t>(1, count));
    return u.slice(0, 0, std::min(u.size(0), stride * count), stride).to(at::kFloat).clone();
}

}  // namespace

std::vector<DomainBatches> batchesOf(const std::vector<ProbeRows::Domain>& domains, at::Device device) {
    std::vector<DomainBatches> out;
    for (std::size_t d = 0; d < domains.size(); ++d) {
        DomainBatches& part = out.emplace_back();
        for (const auto& batch : packMicroBatches(*domains[d].store, domains[d].rows,
                                                  evaluate::kEvaluationTokens, Packing::Packed)) {
            auto tokens = train::toDevice(train::makeTokenBatch(batch), device);
            tokens.domain.fill_(static_cast<std::int64_t>(d));
            part.batches.push_back(std::move(tokens));
            part.rows.push_back(static_cast<std::int64_t>(batch.segments()));
        }
    }
    return out;
}

Reading readChoices(model::Model& model, const std::vector<DomainBatches>& domains,
                    const std::vector<std::string>& names, std::int64_t samples,
                    const ProgressFunction& progress, const std::stop_token& stop) {
    RoutingSums sums(model, names);
    Reading reading;
    Choices& choices = reading.choices;
    const std::size_t layers = model.sparseLayers().size();
    choices.experts = static_cast<std::size_t>(model.config().moe->experts);
    choices.topK = static_cast<std::size_t>(model.config().moe->topK);
    choices.chosen.resize(layers);
    choices.gates.resize(layers);
    std::vector<std::vector<at::Tensor>> shared(layers);
    Progress state{.stage = "reading the probe set"};
    std::int64_t batchCount = 0;
    for (const auto& domain : domains) {
        batchCount += static_cast<std::int64_t>(domain.batches.size());
        for (const std::int64_t rows : domain.rows)
            state.total += rows;
    }
    const std::int64_t each = batchCount > 0 ? (samples + batchCount - 1) / batchCount : 0;
    const train::TokenBatch* batch = nullptr;
    ObservedModel observed(model, [&](std::size_t slot, const at::Tensor& u, const ops::Routing& routing) {
        sums.add(slot, routing, batch->domain, batch->role);
        append<std::int32_t>(routing.chosen, choices.chosen[slot]);
        append<float>(routing.weights, choices.gates[slot]);
        if (each > 0) shared[slot].push_back(sampled(u, each));
    });
    for (const auto& domain : domains)
        for (std::size_t i = 0; i < domain.batches.size(); ++i) {
            check(stop);
            batch = &domain.batches[i];
            appendTokens(*batch, choices);
            static_cast<void>(model.forward(batch->tokens));
            state.done += domain.rows[i];
            if (progress) progress(state);
        }
    for (const auto& parts : shared)
        if (!parts.empty()) reading.shared.push_back(at::cat(parts));
    reading.totals = sums.finish();
    return reading;
}

std::vector<double> lossUnder(model::Model& model, const std::vector<DomainBatches>& domains,
                              const moe::Steering& steering, const std::stop_token& stop) {
    std::vector<double> losses;
    for (const auto& domain : domains) {
        at::Tensor sum = at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(model.device()));
        std::int64_t answers = 0;
        for (const auto& batch : domain.batches) {
            check(stop);
            if (batch.answers() == 0) continue;
            const at::Tensor hidden =
                model.forward(batch.tokens, {.steering = &steering, .routing = nullptr});
            sum += train::answerLoss(hidden, model.head(), batch.targets, 1, false).sum.to(at::kDouble);
            answers += batch.answers();
        }
        losses.push_back(answers > 0 ? sum.item<double>() / static_cast<double>(answers)
                                     : std::numeric_limits<double>::quiet_NaN());
    }
    return losses;
}

}  // namespace caravan::engine::routing
