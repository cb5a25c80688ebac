// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/event_json.h"
#include "engine/api/json_values.h"

// JSON of the engine's answers: device, proof, generation, evaluation, routing statistics, export.
namespace caravan::engine {

using nlohmann::json;
using namespace jsonvalues;

void to_json(json& out, const StepZeroProof& p) {
    out = {{"step0_max_abs_logit_difference", number(p.maxAbsLogitDifference)},
           {"tokens", p.tokens},
           {"logits", p.logits},
           {"first_differing_layer", p.firstDifferingLayer},
           {"seconds", number(p.seconds)}};
}
void from_json(const json& in, StepZeroProof& p) {
    read(in, "step0_max_abs_logit_difference", p.maxAbsLogitDifference);
    read(in, "tokens", p.tokens);
    read(in, "logits", p.logits);
    read(in, "first_differing_layer", p.firstDifferingLayer);
    read(in, "seconds", p.seconds);
}

void to_json(json& out, const DryStep& d) {
    out = {{"seconds", number(d.seconds)}, {"peak_bytes", d.peakBytes}, {"tokens", d.tokens}};
}
void from_json(const json& in, DryStep& d) {
    read(in, "seconds", d.seconds);
    read(in, "peak_bytes", d.peakBytes);
    read(in, "tokens", d.tokens);
}

void to_json(json& out, const DeviceStatus& d) {
    out = {{"name", d.name},
           {"cuda", d.cuda},
           {"memory_used", d.memoryUsed},
           {"memory_total", d.memoryTotal},
           {"power_watts", number(d.powerWatts)},
           {"celsius", number(d.celsius)},
           {"busy", number(d.busy)},
           {"note", d.note}};
}
void from_json(const json& in, DeviceStatus& d) {
    read(in, "name", d.name);
    read(in, "cuda", d.cuda);
    read(in, "memory_used", d.memoryUsed);
    read(in, "memory_total", d.memoryTotal);
    read(in, "power_watts", d.powerWatts);
    read(in, "celsius", d.celsius);
    read(in, "busy", d.busy);
    read(in, "note", d.note);
}

void to_json(json& out, const UpcycleOutcome& u) {
    out = u.counts;
    out.update(json(u.proof));
    out["folder"] = u.folder;
}
void from_json(const json& in, UpcycleOutcome& u) {
    in.get_to(u.counts);
    in.get_to(u.proof);
    read(in, "folder", u.folder);
}

void to_json(json& out, const ModelSource& m) {
    out = {{"path", m.path},
           {"base", orNull(m.base)},
           {"live", m.live},
           {"quantization", wordOf(m.quantization)},
           {"compute", wordOf(m.compute)}};
    if (m.topK) out["top_k"] = *m.topK;
    if (m.scaling) out["scaling"] = *m.scaling;
}
void from_json(const json& in, ModelSource& m) {
    read(in, "path", m.path);
    read(in, "base", m.base);
    read(in, "live", m.live);
    readWord(in, "quantization", m.quantization);
    readWord(in, "compute", m.compute);
    read(in, "top_k", m.topK);
    read(in, "scaling", m.scaling);
}

void to_json(json& out, const ChatMessage& m) {
    out = {{"role", m.role}, {"content", m.content}};
}
void from_json(const json& in, ChatMessage& m) {
    read(in, "role", m.role);
    read(in, "content", m.content);
}

namespace {
constexpr const char* kUses[] = {"normal", "mute", "force"};

SteerExpert steer(const json& in) {
    SteerExpert s;
    read(in, "layer", s.layer);
    read(in, "expert", s.expert);
    read(in, "bias", s.bias);
    const std::string use = in.value("use", std::string("normal"));
    for (int i = 0; i < 3; ++i)
        if (use == kUses[i]) s.use = static_cast<SteerExpert::Use>(i);
    return s;
}
}  // namespace

void to_json(json& out, const GenerateOptions& o) {
    json steers = json::array();
    for (const SteerExpert& s : o.steer)
        steers.push_back({{"layer", s.layer},
                          {"expert", s.expert},
                          {"use", kUses[static_cast<int>(s.use)]},
                          {"bias", s.bias}});
    out = {{"max_tokens", o.maxTokens},
           {"temperature", o.temperature},
           {"top_p", o.topP},
           {"top_k_tokens", o.topKTokens},
           {"repetition_penalty", o.repetitionPenalty},
           {"stop", o.stop},
           {"seed", o.seed},
           {"alternatives", o.alternatives},
           {"raw", o.raw},
           {"routing", o.routing},
           {"steer", std::move(steers)},
           {"active_experts", orNull(o.activeExperts)}};
}
void from_json(const json& in, GenerateOptions& o) {
    read(in, "max_tokens", o.maxTokens);
    read(in, "temperature", o.temperature);
    read(in, "top_p", o.topP);
    read(in, "top_k_tokens", o.topKTokens);
    read(in, "repetition_penalty", o.repetitionPenalty);
    read(in, "stop", o.stop);
    read(in, "seed", o.seed);
    read(in, "alternatives", o.alternatives);
    read(in, "raw", o.raw);
    read(in, "routing", o.routing);
    o.steer.clear();
    if (in.contains("steer"))
        for (const json& s : in.at("steer"))
            o.steer.push_back(steer(s));
    read(in, "active_experts", o.activeExperts);
}

void to_json(json& out, const TokenEvent& t) {
    json alternatives = json::array();
    for (const auto& a : t.alternatives)
        alternatives.push_back({{"id", a.id}, {"text", a.text}, {"logprob", number(a.logprob)}});
    // A piece may be part of a character, so its bytes are numbers, not text.
    json bytes = json::array();
    for (const char c : t.bytes)
        bytes.push_back(static_cast<unsigned char>(c));
    out = {{"id", t.id},
           {"bytes", std::move(bytes)},
           {"text", t.text},
           {"logprob", number(t.logprob)},
           {"entropy", number(t.entropy)},
           {"rank", t.rank},
           {"alternatives", std::move(alternatives)},
           {"layers", t.layers},
           {"experts", t.experts},
           {"weights", floatRows(t.weights)},
           {"probabilities", floatRows(t.probabilities)}};
}
void from_json(const json& in, TokenEvent& t) {
    read(in, "id", t.id);
    t.bytes.clear();
    if (in.contains("bytes"))
        for (const json& byte : in.at("bytes"))
            t.bytes += static_cast<char>(byte.get<std::uint8_t>());
    read(in, "text", t.text);
    read(in, "logprob", t.logprob);
    read(in, "entropy", t.entropy);
    read(in, "rank", t.rank);
    t.alternatives.clear();
    if (in.contains("alternatives"))
        for (const json& a : in.at("alternatives"))
            t.alternatives.push_back(
                {a.at("id").get<std::int32_t>(), a.value("text", std::string()), numberOf(a.at("logprob"))});
    read(in, "layers", t.layers);
    read(in, "experts", t.experts);
    read(in, "weights", t.weights);
    read(in, "probabilities", t.probabilities);
}

void to_json(json& out, const GenerateSummary& s) {
    out = {{"text", s.text},
           {"prompt_tokens", s.promptTokens},
           {"tokens", s.tokens},
           {"tokens_per_second", number(s.tokensPerSecond)},
           {"seconds_to_first_token", number(s.secondsToFirstToken)},
           {"finish", s.finish}};
}
void from_json(const json& in, GenerateSummary& s) {
    read(in, "text", s.text);
    read(in, "prompt_tokens", s.promptTokens);
    read(in, "tokens", s.tokens);
    read(in, "tokens_per_second", s.tokensPerSecond);
    read(in, "seconds_to_first_token", s.secondsToFirstToken);
    read(in, "finish", s.finish);
}

void to_json(json& out, const EvaluateOutcome& e) {
    out = {{"model", e.model}, {"mean", number(e.mean)}};
    putLosses(out, e.heldoutLoss);
}
void from_json(const json& in, EvaluateOutcome& e) {
    read(in, "model", e.model);
    read(in, "mean", e.mean);
    e.heldoutLoss = lossesOf(in);
}

void to_json(json& out, const RoutingStatistics& r) {
    json dead = json::array();
    for (const auto& [layer, expert] : r.dead)
        dead.push_back({{"layer", layer}, {"expert", expert}});
    out = {{"record", r.record},
           {"max_vio", doubles(r.maxVio)},
           {"entropy", doubles(r.entropy)},
           {"effective_experts", doubles(r.effectiveExperts)},
           {"confidence", doubles(r.confidence)},
           {"margin", doubles(r.margin)},
           {"token_entropy", doubles(r.tokenEntropy)},
           {"dead", std::move(dead)}};
}
void from_json(const json& in, RoutingStatistics& r) {
    if (in.contains("record")) in.at("record").get_to(r.record);
    read(in, "max_vio", r.maxVio);
    read(in, "entropy", r.entropy);
    read(in, "effective_experts", r.effectiveExperts);
    read(in, "confidence", r.confidence);
    read(in, "margin", r.margin);
    read(in, "token_entropy", r.tokenEntropy);
    r.dead.clear();
    if (in.contains("dead"))
        for (const json& d : in.at("dead"))
            r.dead.emplace_back(d.at("layer").get<std::int64_t>(), d.at("expert").get<std::int64_t>());
}

void to_json(json& out, const ExportOutcome& e) {
    out = {{"max_abs_logit_difference", number(e.maxAbsLogitDifference)}, {"bytes", e.bytes}};
}
void from_json(const json& in, ExportOutcome& e) {
    read(in, "max_abs_logit_difference", e.maxAbsLogitDifference);
    read(in, "bytes", e.bytes);
}

}  // namespace caravan::engine
