// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/event_json.h"

#include "engine/api/error_text.h"
#include "engine/api/json_values.h"

// Run events and errors; model and engine values are in model_json.cpp and engine_json.cpp.
namespace caravan::engine {
namespace {

using nlohmann::json;
using namespace jsonvalues;

json write(const StepMetrics& m) {
    json out = {{"type", "step"},
                {"step", m.step},
                {"loss", number(m.loss)},
                {"balance", number(m.balance)},
                {"balance_loss", number(m.balanceLoss)},
                {"learning_rate", number(m.learningRate)},
                {"gradient_norm", number(m.gradientNorm)},
                {"tokens", m.tokens},
                {"answer_tokens", m.answerTokens},
                {"tokens_per_second", number(m.tokensPerSecond)},
                {"memory_bytes", m.memoryBytes},
                {"seconds", number(m.seconds)},
                {"expert_load", floatRows(m.expertLoad)},
                {"max_vio", floats(m.maxVio)},
                {"entropy", floats(m.entropy)},
                {"confidence", floats(m.confidence)},
                {"margin", floats(m.margin)},
                {"token_entropy", floats(m.tokenEntropy)}};
    if (m.skipped) out["skipped"] = true;
    return out;
}

void parse(const json& in, StepMetrics& m) {
    read(in, "step", m.step);
    read(in, "loss", m.loss);
    read(in, "balance", m.balance);
    read(in, "balance_loss", m.balanceLoss);
    read(in, "learning_rate", m.learningRate);
    read(in, "gradient_norm", m.gradientNorm);
    read(in, "tokens", m.tokens);
    read(in, "answer_tokens", m.answerTokens);
    read(in, "tokens_per_second", m.tokensPerSecond);
    read(in, "memory_bytes", m.memoryBytes);
    read(in, "seconds", m.seconds);
    read(in, "expert_load", m.expertLoad);
    read(in, "max_vio", m.maxVio);
    read(in, "entropy", m.entropy);
    read(in, "confidence", m.confidence);
    read(in, "margin", m.margin);
    read(in, "token_entropy", m.tokenEntropy);
    read(in, "skipped", m.skipped);
}

json write(const Evaluation& e) {
    json out = {{"type", "evaluation"}, {"step", e.step}, {"mean", number(e.mean)}};
    putLosses(out, e.heldoutLoss);
    return out;
}
void parse(const json& in, Evaluation& e) {
    read(in, "step", e.step);
    read(in, "mean", e.mean);
    e.heldoutLoss = lossesOf(in);
}

json write(const Sample& s) {
    return {{"type", "sample"}, {"step", s.step}, {"prompt", s.prompt}, {"text", s.text}};
}
void parse(const json& in, Sample& s) {
    read(in, "step", s.step);
    read(in, "prompt", s.prompt);
    read(in, "text", s.text);
}

json write(const CheckpointInfo& c) {
    return {{"type", "checkpoint"}, {"step", c.step}, {"path", c.path}, {"bytes", c.bytes}};
}
void parse(const json& in, CheckpointInfo& c) {
    read(in, "step", c.step);
    read(in, "path", c.path);
    read(in, "bytes", c.bytes);
}

json write(const Alarm& a) {
    return {{"type", "alarm"},
            {"step", a.step},
            {"kind", a.kind},
            {"layer", orNull(a.layer)},
            {"expert", orNull(a.expert)},
            {"value", number(a.value)},
            {"since", a.since}};
}
void parse(const json& in, Alarm& a) {
    read(in, "step", a.step);
    read(in, "kind", a.kind);
    read(in, "layer", a.layer);
    read(in, "expert", a.expert);
    read(in, "value", a.value);
    read(in, "since", a.since);
}

json write(const StateChange& s) {
    json out = {{"type", "state"},
                {"from", stateWord(s.from)},
                {"to", stateWord(s.to)},
                {"run", s.run},
                {"step", s.step}};
    if (s.reason) out["reason"] = toJson(*s.reason);
    return out;
}
void readState(const json& in, const char* key, RunState& state) {
    const auto word = in.value(key, std::string());
    const auto value = stateFromWord(word);
    if (!value) throw json::other_error::create(501, "no state \"" + word + "\"", &in);
    state = *value;
}
void parse(const json& in, StateChange& s) {
    readState(in, "from", s.from);
    readState(in, "to", s.to);
    read(in, "run", s.run);
    read(in, "step", s.step);
    if (const auto reason = in.find("reason"); reason != in.end() && !reason->is_null())
        s.reason = errorFromJson(*reason);
}

json write(const Progress& p) {
    return {{"type", "progress"}, {"stage", p.stage}, {"done", p.done}, {"total", p.total}};
}
void parse(const json& in, Progress& p) {
    read(in, "stage", p.stage);
    read(in, "done", p.done);
    read(in, "total", p.total);
}

json write(const RoutingRecord& r) {
    json out = r;
    out["type"] = "routing";
    return out;
}
void parse(const json& in, RoutingRecord& r) {
    in.get_to(r);
}

json write(const LogLine& l) {
    return {{"type", "log"}, {"level", l.level}, {"text", l.text}};
}
void parse(const json& in, LogLine& l) {
    read(in, "level", l.level);
    read(in, "text", l.text);
}

json write(const RunResult& r) {
    return {{"type", "result"}, {"run", r.run}, {"step", r.step}};
}
void parse(const json& in, RunResult& r) {
    read(in, "run", r.run);
    read(in, "step", r.step);
}

template <class T>
RunEvent parsed(const json& in) {
    T value;
    parse(in, value);
    return value;
}

struct Kind {
    const char* name;
    RunEvent (*read)(const json&);
};
constexpr Kind kKinds[] = {{"step", parsed<StepMetrics>},  {"evaluation", parsed<Evaluation>},
                           {"sample", parsed<Sample>},     {"checkpoint", parsed<CheckpointInfo>},
                           {"alarm", parsed<Alarm>},       {"state", parsed<StateChange>},
                           {"progress", parsed<Progress>}, {"routing", parsed<RoutingRecord>},
                           {"log", parsed<LogLine>},       {"result", parsed<RunResult>}};

tl::unexpected<Error> badEvent(std::string detail) {
    return fail(ErrorCode::FileBad, {{"file", "a run event"}, {"place", ""}, {"detail", std::move(detail)}});
}

}  // namespace

json toJson(const RunEvent& event) {
    return std::visit([](const auto& value) { return write(value); }, event);
}

Result<RunEvent> runEventFromJson(const json& in) {
    if (!in.is_object()) return badEvent("not a JSON object");
    const auto type = in.find("type");
    if (type == in.end() || !type->is_string()) return badEvent("it has no type");
    try {
        for (const Kind& kind : kKinds)
            if (*type == kind.name) return kind.read(in);
    } catch (const json::exception& e) {
        return badEvent(e.what());
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    }
    return badEvent("its type \"" + type->get<std::string>().substr(0, 60) + "\" is unknown");
}

json toJson(const Error& error) {
    const ErrorText text = describe(error);
    json parameters = json::object();
    for (const auto& [key, value] : error.parameters)
        parameters[key] = value;
    return {{"type", "error"},
            {"code", errorTemplate(error.code).name},
            {"what", text.what},
            {"where", text.where},
            {"why", text.why},
            {"do", text.todo},
            {"parameters", std::move(parameters)}};
}

Error errorFromJson(const json& in) {
    Error error{ErrorCode::Failed, {}};
    if (!in.is_object()) return error;
    if (const auto code = in.find("code"); code != in.end() && code->is_string())
        for (int i = 0; i <= static_cast<int>(ErrorCode::Internal); ++i)
            if (*code == errorTemplate(static_cast<ErrorCode>(i)).name)
                error.code = static_cast<ErrorCode>(i);
    if (const auto parameters = in.find("parameters"); parameters != in.end() && parameters->is_object())
        for (const auto& [key, value] : parameters->items())
            if (value.is_string()) error.parameters.emplace_back(key, value.get<std::string>());
    return error;
}

void to_json(json& out, const RoutingRecord& r) {
    out = {
        {"step", r.step},  {"first_step", r.firstStep}, {"layers", r.layers},        {"experts", r.experts},
        {"top_k", r.topK}, {"domains", r.domains},      {"values", floats(r.values)}};
}
void from_json(const json& in, RoutingRecord& r) {
    read(in, "step", r.step);
    read(in, "first_step", r.firstStep);
    read(in, "layers", r.layers);
    read(in, "experts", r.experts);
    read(in, "top_k", r.topK);
    read(in, "domains", r.domains);
    read(in, "values", r.values);
    // Sizes come from outside: index() must stay inside values.
    if (r.experts < 0 || r.experts > 4096 ||
        r.values.size() != r.layers.size() * static_cast<std::size_t>(r.experts) * r.domains.size() * 8)
        throw json::other_error::create(
            501, "a routing record's values do not fit its layers, experts and domains", &in);
}

}  // namespace caravan::engine
