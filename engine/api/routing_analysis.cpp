// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/routing_analysis.h"

#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>

#include "engine/api/config/column_mapping.h"
#include "engine/api/event_json.h"
#include "engine/api/json_values.h"

namespace caravan::engine {

using nlohmann::json;
using namespace jsonvalues;

namespace {

constexpr const char* kPrefix = "analysis-";
constexpr const char* kSuffix = ".json";

// Four decimals are more than any of these figures carries; the files stay small.
json rounded(const std::vector<double>& values) {
    json out = json::array();
    for (const double value : values)
        out.push_back(number(std::round(value * 1e4) / 1e4));
    return out;
}

json layerJson(const LayerAnalysis& a) {
    json tokens = json::array(), contexts = json::array();
    for (const auto& list : a.tokens) {
        tokens.push_back(json::array());
        for (const ExpertToken& t : list)
            tokens.back().push_back(
                {{"id", t.id}, {"text", t.text}, {"share", number(t.share)}, {"count", t.count}});
    }
    for (const auto& list : a.contexts) {
        contexts.push_back(json::array());
        for (const TokenInContext& c : list)
            contexts.back().push_back({{"before", c.before},
                                       {"token", c.token},
                                       {"after", c.after},
                                       {"gate", number(c.gate)},
                                       {"domain", c.domain}});
    }
    return {{"layer", a.layer},
            {"together", rounded(a.together)},
            {"cosine", rounded(a.cosine)},
            {"cka", rounded(a.cka)},
            {"to_dense", doubles(a.toDense)},
            {"repeat_rate", number(a.repeatRate)},
            {"vocabulary", number(a.vocabulary)},
            {"information", number(a.information)},
            {"information_shuffled", number(a.informationShuffled)},
            {"saturation", number(a.saturation)},
            {"log_sum_exp", number(a.logSumExp)},
            {"reference_load", rounded(a.referenceLoad)},
            {"tokens", std::move(tokens)},
            {"contexts", std::move(contexts)}};
}

LayerAnalysis layerOf(const json& in) {
    LayerAnalysis a;
    read(in, "layer", a.layer);
    read(in, "together", a.together);
    read(in, "cosine", a.cosine);
    read(in, "cka", a.cka);
    read(in, "to_dense", a.toDense);
    read(in, "repeat_rate", a.repeatRate);
    read(in, "vocabulary", a.vocabulary);
    read(in, "information", a.information);
    read(in, "information_shuffled", a.informationShuffled);
    a.saturation = std::numeric_limits<double>::quiet_NaN();
    if (in.contains("saturation")) a.saturation = numberOf(in.at("saturation"));
    read(in, "log_sum_exp", a.logSumExp);
    read(in, "reference_load", a.referenceLoad);
    for (const json& list : in.value("tokens", json::array())) {
        auto& tokens = a.tokens.emplace_back();
        for (const json& t : list)
            tokens.push_back({t.at("id").get<std::int32_t>(), t.at("text").get<std::string>(),
                              numberOf(t.at("share")), t.at("count").get<std::int64_t>()});
    }
    for (const json& list : in.value("contexts", json::array())) {
        auto& contexts = a.contexts.emplace_back();
        for (const json& c : list)
            contexts.push_back({c.at("before").get<std::string>(), c.at("token").get<std::string>(),
                                c.at("after").get<std::string>(), numberOf(c.at("gate")),
                                c.at("domain").get<std::int64_t>()});
    }
    return a;
}

// Sizes come from outside: whoever draws a matrix must stay inside of it.
void checkShape(const json& in, const RoutingAnalysis& a) {
    const auto experts = static_cast<std::size_t>(a.statistics.record.experts);
    const auto fits = [](std::size_t size, std::size_t wanted) { return size == 0 || size == wanted; };
    bool good = a.layers.size() == a.statistics.record.layers.size();
    for (const LayerAnalysis& layer : a.layers) {
        for (const auto* matrix : {&layer.together, &layer.cosine, &layer.cka})
            good = good && fits(matrix->size(), experts * experts);
        for (const std::size_t size :
             {layer.toDense.size(), layer.referenceLoad.size(), layer.tokens.size(), layer.contexts.size()})
            good = good && fits(size, experts);
    }
    if (!good) throw json::other_error::create(501, "the layers do not fit the routing record", &in);
}

}  // namespace

void to_json(json& out, const RoutingAnalysisRequest& r) {
    json files = json::array();
    for (const DomainFile& f : r.files)
        files.push_back({{"path", f.path}, {"name", f.name}, {"columns", mappingToJson(f.columns)}});
    out = {{"source", r.source},
           {"files", std::move(files)},
           {"max_tokens", r.maxTokens},
           {"contexts", r.contexts},
           {"reference", orNull(r.reference)},
           {"mute", r.mute},
           {"mute_tokens", r.muteTokens},
           {"save", r.save}};
}
void from_json(const json& in, RoutingAnalysisRequest& r) {
    in.at("source").get_to(r.source);
    r.files.clear();
    for (const json& f : in.value("files", json::array()))
        r.files.push_back({f.at("path").get<std::string>(), f.value("name", std::string()),
                           mappingFromJson(f.value("columns", json::object()))});
    read(in, "max_tokens", r.maxTokens);
    read(in, "contexts", r.contexts);
    read(in, "reference", r.reference);
    read(in, "mute", r.mute);
    read(in, "mute_tokens", r.muteTokens);
    read(in, "save", r.save);
}

void to_json(json& out, const RoutingAnalysis& a) {
    out = a.statistics;
    json layers = json::array(), muted = json::array();
    for (const LayerAnalysis& layer : a.layers)
        layers.push_back(layerJson(layer));
    for (const MutedExpert& m : a.muted)
        muted.push_back({{"layer", m.layer},
                         {"expert", m.expert},
                         {"change", doubles(m.change)},
                         {"mean", number(m.mean)}});
    out.update(json{{"model", a.model},
                    {"step", a.step},
                    {"probe", a.probe},
                    {"tokens", a.tokens},
                    {"layers", std::move(layers)},
                    {"reference", a.reference},
                    {"loss", doubles(a.loss)},
                    {"mute_tokens", a.muteTokens},
                    {"muted", std::move(muted)}});
}
void from_json(const json& in, RoutingAnalysis& a) {
    in.get_to(a.statistics);
    read(in, "model", a.model);
    read(in, "step", a.step);
    read(in, "probe", a.probe);
    read(in, "tokens", a.tokens);
    a.layers.clear();
    for (const json& layer : in.value("layers", json::array()))
        a.layers.push_back(layerOf(layer));
    checkShape(in, a);
    read(in, "reference", a.reference);
    read(in, "loss", a.loss);
    read(in, "mute_tokens", a.muteTokens);
    a.muted.clear();
    for (const json& m : in.value("muted", json::array())) {
        MutedExpert& muted = a.muted.emplace_back();
        read(m, "layer", muted.layer);
        read(m, "expert", muted.expert);
        read(m, "change", muted.change);
        read(m, "mean", muted.mean);
    }
}

std::string analysisFile(StepIndex step) {
    std::string digits = std::to_string(step);
    if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
    return std::string("routing/") + kPrefix + digits + kSuffix;
}

std::optional<StepIndex> analysisStep(std::string_view name) {
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
    name.remove_prefix(std::string_view(kPrefix).size());
    name.remove_suffix(std::string_view(kSuffix).size());
    StepIndex step = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), step);
    if (name.empty() || parsed.ec != std::errc() || parsed.ptr != name.data() + name.size() || step < 0)
        return std::nullopt;
    return step;
}

Result<RoutingAnalysis> readAnalysis(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return fail(ErrorCode::FileMissing, {{"file", path}});
    try {
        return json::parse(in).get<RoutingAnalysis>();
    } catch (const std::exception& exception) {
        return fail(ErrorCode::FileBad, {{"file", path}, {"place", "JSON"}, {"detail", exception.what()}});
    }
}

}  // namespace caravan::engine
