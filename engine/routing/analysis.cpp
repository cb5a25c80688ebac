// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/analysis.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/model/layer.h"
#include "engine/routing/saved_file.h"
#include "engine/routing/similarity.h"
#include "engine/routing/statistics.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine::routing {
namespace {

constexpr std::size_t kContextTokens = 10;      // looked at on each side
constexpr std::size_t kContextCharacters = 32;  // kept on each side
constexpr std::size_t kMostContexts = 20000;    // of a whole analysis

std::string textOf(const Tokenizer& tokenizer, std::span<const std::int32_t> ids) {
    std::string bytes;
    for (const std::int32_t id : ids)
        bytes += tokenizer.isSpecial(id) ? tokenizer.pieceName(id) : tokenizer.piece(id);
    return utf8::lossy(bytes);
}

// The first or last characters of valid UTF-8.
std::string clipped(std::string text, bool end) {
    while (utf8::countCharacters(text) > kContextCharacters) {
        if (end) {
            std::size_t length = utf8::next(text).length;
            text.erase(0, std::max<std::size_t>(1, length));
        } else {
            std::size_t last = text.size() - 1;
            while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0U) == 0x80U)
                --last;
            text.resize(last);
        }
    }
    return text;
}

TokenInContext contextOf(const Choices& choices, const Tokenizer& tokenizer, const TopToken& top) {
    const std::span<const std::int32_t> ids(choices.ids);
    const auto begin = std::max(static_cast<std::size_t>(choices.rows[top.token]),
                                top.token - std::min(top.token, kContextTokens));
    std::size_t end = top.token + 1;
    while (end < ids.size() && end <= top.token + kContextTokens &&
           choices.rows[end] == choices.rows[top.token])
        ++end;
    return {clipped(textOf(tokenizer, ids.subspan(begin, top.token - begin)), true),
            textOf(tokenizer, ids.subspan(top.token, 1)),
            clipped(textOf(tokenizer, ids.subspan(top.token + 1, end - top.token - 1)), false), top.gate,
            choices.domains[top.token]};
}

LayerAnalysis ofChoices(const Choices& choices, std::size_t slot, const std::vector<std::int32_t>& mixedUp,
                        std::size_t contexts, const Tokenizer& tokenizer) {
    LayerAnalysis layer;
    layer.saturation = std::numeric_limits<double>::quiet_NaN();
    layer.together = conditional(pairCounts(choices, slot), choices.experts);
    layer.repeatRate = repeatRate(choices, slot);
    layer.information = information(choices, slot, choices.domains);
    layer.informationShuffled = information(choices, slot, mixedUp);
    const Vocabulary words = vocabulary(choices, slot, kListedTokens);
    layer.vocabulary = words.specialisation;
    for (const auto& list : words.tokens) {
        auto& named = layer.tokens.emplace_back();
        for (const TokenShare& token : list)
            named.push_back({token.id, textOf(tokenizer, std::span(&token.id, 1)), token.share, token.count});
    }
    for (const auto& list : topTokens(choices, slot, contexts)) {
        auto& shown = layer.contexts.emplace_back();
        for (const TopToken& top : list)
            shown.push_back(contextOf(choices, tokenizer, top));
    }
    return layer;
}

// Serial adapters only: other bodies' similarities stay unknown.
void addSimilarity(LayerAnalysis& out, const model::Layer& layer, const model::Trainable& parameters,
                   const at::Tensor& u) {
    const auto* body = dynamic_cast<const moe::SerialAdapters*>(layer.sparse->body.get());
    if (!body) return;
    const at::Tensor down = parameters.working(body->down()), up = parameters.working(body->up());
    out.cosine = mapCosines(down, up);
    if (!u.defined() || u.size(0) < 2) return;
    const at::Tensor rows = u.narrow(0, 0, std::min(u.size(0), kSimilarityTokens));
    const at::Tensor outputs = adapterOutputs(rows, down, up);
    out.cka = linearCka(outputs);
    out.toDense = cosinesToDense(rows, outputs, body->scaling());
}

void checkMuted(const model::Model& model, const std::vector<std::int64_t>& layers) {
    const auto& sparse = model.sparseLayers();
    for (const std::int64_t layer : layers)
        if (layer != -1 && std::find(sparse.begin(), sparse.end(), layer) == sparse.end())
            throw EngineException(ErrorCode::BadOption,
                                  {{"key", "mute"},
                                   {"value", std::to_string(layer)},
                                   {"range", "a layer with experts, or -1 for all of them"}});
}

double meanOf(const std::vector<double>& values) {
    double sum = 0;
    std::int64_t known = 0;
    for (const double value : values)
        if (std::isfinite(value)) sum += value, ++known;
    return known > 0 ? sum / static_cast<double>(known) : std::numeric_limits<double>::quiet_NaN();
}

void muteEach(RoutingAnalysis& result, model::Model& model, const ProbeRows& probe,
              const RoutingAnalysisRequest& request, const ProgressFunction& progress,
              const std::stop_token& stop) {
    const auto batches = batchesOf(probe.first(request.muteTokens), model.device());
    for (const auto& domain : batches)
        for (const auto& batch : domain.batches)
            result.muteTokens += batch.count();
    const std::int64_t experts = model.config().moe->experts;
    Progress state{.stage = "muting experts",
                   .total = 1 + experts * static_cast<std::int64_t>(request.mute.size())};
    const auto told = [&] {
        ++state.done;
        if (progress) progress(state);
    };
    // The comparison goes through the same arithmetic: a steering that changes nothing.
    result.loss =
        lossUnder(model, batches, {.experts = {{.layer = -1, .expert = 0}}, .activeExperts = {}}, stop);
    told();
    for (const std::int64_t layer : request.mute)
        for (std::int64_t expert = 0; expert < experts; ++expert) {
            MutedExpert muted{.layer = layer, .expert = expert};
            muted.change =
                lossUnder(model, batches,
                          {.experts = {{.layer = layer, .expert = expert, .use = SteerExpert::Use::Mute}},
                           .activeExperts = {}},
                          stop);
            for (std::size_t d = 0; d < muted.change.size(); ++d)
                muted.change[d] -= result.loss[d];
            muted.mean = meanOf(muted.change);
            result.muted.push_back(std::move(muted));
            told();
        }
}

// Layers that were muted before and not now, measured on as many tokens.
void keepMuted(RoutingAnalysis& analysis, const RoutingAnalysis& earlier) {
    if (!analysis.muted.empty() && analysis.muteTokens != earlier.muteTokens) return;
    if (analysis.muted.empty()) {
        analysis.loss = earlier.loss;
        analysis.muteTokens = earlier.muteTokens;
    }
    const std::vector<MutedExpert> now = analysis.muted;
    for (const MutedExpert& muted : earlier.muted)
        if (std::none_of(now.begin(), now.end(),
                         [&](const MutedExpert& other) { return other.layer == muted.layer; }))
            analysis.muted.push_back(muted);
}

}  // namespace

Analysed analyse(model::Model& model, const Tokenizer& tokenizer, const ProbeRows& probe,
                 const RoutingAnalysisRequest& request, const ProgressFunction& progress,
                 const std::stop_token& stop) {
    checkMuted(model, request.mute);
    Reading reading = readChoices(model, batchesOf(probe.first(request.maxTokens), model.device()),
                                  probe.names(), kSimilarityTokens, progress, stop);
    Analysed analysed{{}, std::move(reading.choices)};
    const Choices& choices = analysed.choices;
    RoutingAnalysis& result = analysed.result;
    result.probe = probe.kind;
    result.tokens = static_cast<std::int64_t>(choices.tokens());
    result.statistics = std::move(reading.totals.statistics);
    const auto mixedUp = shuffled(choices.domains);
    const std::size_t slots = choices.chosen.size();
    const std::size_t contexts =
        std::min<std::size_t>(static_cast<std::size_t>(std::max<std::int64_t>(0, request.contexts)),
                              kMostContexts / std::max<std::size_t>(1, slots * choices.experts));
    Progress state{.stage = "comparing experts", .total = static_cast<std::int64_t>(slots)};
    for (std::size_t slot = 0; slot < slots; ++slot) {
        if (stop.stop_requested())
            throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
        LayerAnalysis layer = ofChoices(choices, slot, mixedUp, contexts, tokenizer);
        layer.layer = model.sparseLayers()[slot];
        layer.logSumExp = reading.totals.logSumExp[slot];
        for (const model::Layer& each : model.layers())
            if (each.index == layer.layer)
                addSimilarity(layer, each, model.trainable(),
                              slot < reading.shared.size() ? reading.shared[slot] : at::Tensor());
        result.layers.push_back(std::move(layer));
        ++state.done;
        if (progress) progress(state);
    }
    if (!request.mute.empty()) muteEach(result, model, probe, request, progress, stop);
    return analysed;
}

void compareWith(Analysed& analysed, model::Model& reference, const ProbeRows& probe,
                 const RoutingAnalysisRequest& request, const ProgressFunction& progress,
                 const std::stop_token& stop) {
    const RoutingRecord& record = analysed.result.statistics.record;
    const auto& moe = reference.config().moe;
    if (!moe || moe->experts != record.experts || moe->topK != record.topK ||
        reference.sparseLayers() != record.layers)
        throw EngineException(ErrorCode::Unsupported,
                              {{"what", "comparing with the reference"},
                               {"detail", "its layers with experts, its experts or its k differ"}});
    const auto& ids = analysed.choices.ids;
    if (!ids.empty() && *std::max_element(ids.begin(), ids.end()) >= reference.config().vocabulary)
        throw EngineException(ErrorCode::Unsupported, {{"what", "comparing with the reference"},
                                                       {"detail", "its vocabulary differs"}});
    // The same rows once more, which a reader of the progress should not take for a count that begins anew.
    const ProgressFunction again = [&](const Progress& state) {
        Progress told = state;
        told.stage = "reading it with the other model";
        if (progress) progress(told);
    };
    const Reading reading =
        readChoices(reference, batchesOf(probe.first(request.maxTokens), reference.device()), probe.names(),
                    0, again, stop);
    for (std::size_t slot = 0; slot < analysed.result.layers.size(); ++slot) {
        analysed.result.layers[slot].saturation = saturation(analysed.choices, reading.choices, slot);
        analysed.result.layers[slot].referenceLoad =
            shares(counts(reading.totals.statistics.record, slot, Choice::All));
    }
}

void saveAnalysis(RoutingAnalysis& analysis, const std::filesystem::path& runFolder) {
    const std::filesystem::path file = runFolder / analysisFile(analysis.step);
    if (const auto earlier = readAnalysis(file.string()); earlier && earlier->tokens == analysis.tokens &&
                                                          earlier->probe == analysis.probe &&
                                                          earlier->layers.size() == analysis.layers.size()) {
        keepMuted(analysis, *earlier);
        if (analysis.reference.empty() && !earlier->reference.empty()) {
            analysis.reference = earlier->reference;
            for (std::size_t slot = 0; slot < analysis.layers.size(); ++slot) {
                analysis.layers[slot].saturation = earlier->layers[slot].saturation;
                analysis.layers[slot].referenceLoad = earlier->layers[slot].referenceLoad;
            }
        }
    }
    saveJson(nlohmann::json(analysis), file);
}

}  // namespace caravan::engine::routing
