// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/engine_host/requests.h"

#include <filesystem>
#include <map>

#include "engine/api/answer_score.h"
#include "engine/api/approximation.h"
#include "engine/api/config/column_mapping.h"
#include "engine/api/event_json.h"
#include "engine/api/routing_analysis.h"
#include "engine/api/wire.h"

namespace caravan::host {
namespace {

using engine::ErrorCode;
using engine::fail;
using engine::Result;
using nlohmann::json;

struct Call {
    engine::Engine& engine;
    const HostServices& services;
    HostedRuns& runs;
    const json& body;
    const Replies& replies;
    std::stop_token stop;
};

template <class T>
Result<json> asJson(Result<T> value) {
    if (!value) return tl::unexpected(std::move(value.error()));
    if constexpr (std::is_void_v<T>)
        return json::object();
    else
        return json(*value);
}

tl::unexpected<engine::Error> notOffered(const char* what) {
    return fail(ErrorCode::Unsupported, {{"what", what}, {"detail", "this engine was built without it"}});
}

Result<engine::Recipe> recipeOf(const json& body) {
    return engine::recipeFromJson(body.at("recipe"));
}
std::string folderOf(const json& body) {
    return body.value("folder", std::string());
}

engine::RunLimits limitsOf(const json& body) {
    engine::RunLimits limits;
    if (body.contains("stop_after") && !body["stop_after"].is_null())
        limits.stopAfter = body["stop_after"].get<std::int64_t>();
    return limits;
}

std::vector<engine::DomainFile> filesOf(const json& body) {
    std::vector<engine::DomainFile> files;
    for (const auto& f : body.at("files"))
        files.push_back({f.at("path").get<std::string>(), f.value("name", std::string()),
                         engine::mappingFromJson(f.value("columns", json::object()))});
    return files;
}

Result<json> inspect(const Call& c) {
    if (!c.services.inspect) return notOffered("inspect");
    return asJson(c.services.inspect(c.body.at("path").get<std::string>()));
}

Result<json> plan(const Call& c) {
    if (!c.services.plan) return notOffered("plan");
    const auto recipe = recipeOf(c.body);
    if (!recipe) return tl::unexpected(recipe.error());
    const auto made = c.services.plan(*recipe, folderOf(c.body));
    if (!made) return tl::unexpected(made.error());
    json problems = json::array();
    for (const auto& p : made->problems)
        problems.push_back({{"key", p.key},
                            {"error", engine::toJson(p.error)},
                            {"warning", p.warning},
                            {"nearest", p.nearestValid}});
    return json{{"plan", made->plan}, {"problems", std::move(problems)}};
}

Result<json> preview(const Call& c) {
    if (!c.services.preview) return notOffered("preview");
    const auto recipe = recipeOf(c.body);
    if (!recipe) return tl::unexpected(recipe.error());
    return asJson(c.services.preview(*recipe, folderOf(c.body), c.replies.progress, c.stop));
}

Result<json> stepBatch(const Call& c) {
    if (!c.services.stepBatch) return notOffered("step_batch");
    const auto recipe = recipeOf(c.body);
    if (!recipe) return tl::unexpected(recipe.error());
    return asJson(c.services.stepBatch(*recipe, folderOf(c.body), c.body.at("step").get<engine::StepIndex>(),
                                       c.replies.progress, c.stop));
}

Result<json> tokenize(const Call& c) {
    if (!c.services.tokenize) return notOffered("tokenize");
    const auto tokens =
        c.services.tokenize(c.body.at("path").get<std::string>(), c.body.at("text").get<std::string>());
    if (!tokens) return tl::unexpected(tokens.error());
    return json{{"ids", tokens->ids}, {"pieces", tokens->pieces}};
}

Result<json> proof(const Call& c) {
    const auto recipe = recipeOf(c.body);
    if (!recipe) return tl::unexpected(recipe.error());
    return asJson(c.engine.proveStepZero(*recipe, folderOf(c.body), c.replies.progress, c.stop));
}

Result<json> dryStep(const Call& c) {
    const auto recipe = recipeOf(c.body);
    if (!recipe) return tl::unexpected(recipe.error());
    return asJson(c.engine.dryStep(*recipe, folderOf(c.body), c.replies.progress, c.stop));
}

Result<json> runNamed(Result<std::string> run) {
    if (!run) return tl::unexpected(std::move(run.error()));
    return json{{"run", *run}};
}

Result<json> runStart(const Call& c) {
    auto recipe = recipeOf(c.body);
    if (!recipe) return tl::unexpected(recipe.error());
    engine::RunRequest request;
    request.recipe = std::move(*recipe);
    request.recipeFolder = folderOf(c.body);
    request.runFolder = c.body.at("run").get<std::string>();
    request.limits = limitsOf(c.body);
    return runNamed(c.runs.start(std::move(request)));
}

Result<json> runResume(const Call& c) {
    engine::ResumeRequest request;
    request.runFolder = c.body.at("run").get<std::string>();
    if (c.body.contains("step") && !c.body["step"].is_null())
        request.step = c.body["step"].get<std::int64_t>();
    request.limits = limitsOf(c.body);
    return runNamed(c.runs.resume(request));
}

Result<json> generate(const Call& c) {
    const auto source = c.body.at("source").get<engine::ModelSource>();
    const auto messages = c.body.at("messages").get<std::vector<engine::ChatMessage>>();
    const auto options = c.body.value("options", json::object()).get<engine::GenerateOptions>();
    return asJson(c.engine.generate(source, messages, options, c.replies.token, c.replies.progress, c.stop));
}

Result<json> score(const Call& c) {
    auto* scorer = dynamic_cast<engine::AnswerScorer*>(&c.engine);
    if (!scorer) return notOffered("score");
    return asJson(scorer->score(c.body.get<engine::ScoreRequest>(), c.replies.progress, c.stop));
}

Result<json> evaluate(const Call& c) {
    return asJson(c.engine.evaluate(c.body.at("source").get<engine::ModelSource>(), filesOf(c.body),
                                    c.replies.progress, c.stop));
}

Result<json> routing(const Call& c) {
    return asJson(c.engine.routing(c.body.at("source").get<engine::ModelSource>(), filesOf(c.body),
                                   c.replies.progress, c.stop));
}

Result<json> analyseRouting(const Call& c) {
    auto* analyst = dynamic_cast<engine::RoutingAnalyst*>(&c.engine);
    if (!analyst) return notOffered("routing.analyse");
    return asJson(
        analyst->analyseRouting(c.body.get<engine::RoutingAnalysisRequest>(), c.replies.progress, c.stop));
}

Result<json> approximate(const Call& c) {
    auto* approximator = dynamic_cast<engine::Approximator*>(&c.engine);
    if (!approximator) return notOffered("approximation");
    return asJson(
        approximator->approximate(c.body.get<engine::ApproximationRequest>(), c.replies.progress, c.stop));
}

// Whether the folder may be written is asked before the model is read: that takes minutes.
Result<json> exportModel(const Call& c) {
    const engine::ExportRequest request{c.body.value("format", std::string("camelidae")),
                                        c.body.at("folder").get<std::string>()};
    const std::filesystem::path folder(request.folder);
    std::error_code ignored;
    if (!folder.is_absolute())
        return fail(ErrorCode::BadOption,
                    {{"key", "folder"}, {"value", request.folder}, {"range", "an absolute path"}});
    if (std::filesystem::exists(folder, ignored) &&
        !(std::filesystem::is_directory(folder, ignored) && std::filesystem::is_empty(folder, ignored)))
        return fail(ErrorCode::AlreadyExists, {{"path", request.folder}});
    return asJson(c.engine.exportModel(c.body.at("source").get<engine::ModelSource>(), request,
                                       c.replies.progress, c.stop));
}

Result<json> device(const Call& c) {
    return json(c.engine.device());
}
Result<json> fits(const Call& c) {
    if (!c.services.fits) return notOffered("fits");
    return asJson(c.services.fits(c.engine.device()));
}
Result<json> unload(const Call& c) {
    c.engine.unload();
    return json::object();
}

using Handler = Result<json> (*)(const Call&);
const std::map<std::string, Handler>& handlers() {
    static const std::map<std::string, Handler> table = {{"device", device},
                                                         {"fits", fits},
                                                         {"inspect", inspect},
                                                         {"plan", plan},
                                                         {"preview", preview},
                                                         {"step_batch", stepBatch},
                                                         {"tokenize", tokenize},
                                                         {"proof", proof},
                                                         {"dry_step", dryStep},
                                                         {"run.start", runStart},
                                                         {"run.resume", runResume},
                                                         {"generate", generate},
                                                         {"evaluate", evaluate},
                                                         {"routing", routing},
                                                         {"score", score},
                                                         {"routing.analyse", analyseRouting},
                                                         {"export", exportModel},
                                                         {"unload", unload},
                                                         {"approximation", approximate}};
    return table;
}

template <class F>
Result<json> checked(const std::string& type, F f) {
    try {
        return f();
    } catch (const json::exception& e) {
        return fail(ErrorCode::BadOption, {{"key", type}, {"value", "this body"}, {"range", e.what()}});
    } catch (const engine::EngineException& e) {
        return tl::unexpected(e.error());
    } catch (const std::bad_alloc&) {
        return fail(ErrorCode::MemoryShort,
                    {{"needed", "more"}, {"available", "less"}, {"remedy", "Close other programs."}});
    } catch (const std::exception& e) {
        return fail(ErrorCode::Internal, {{"detail", type + ": " + e.what()}});
    }
}

}  // namespace

bool isLongRequest(const std::string& type) {
    return handlers().contains(type);
}

Result<json> answer(engine::Engine& engine, const HostServices& services, HostedRuns& runs,
                    const std::string& type, const json& body, const Replies& replies, std::stop_token stop) {
    const auto found = handlers().find(type);
    if (found == handlers().end())
        return fail(ErrorCode::Unsupported, {{"what", "request " + type}, {"detail", ""}});
    return checked(type, [&] {
        return found->second(Call{engine, services, runs, body, replies, std::move(stop)});
    });
}

bool isRunControl(const std::string& type) {
    if (type == "queue.start") return true;
    return type.starts_with("run.") && !isLongRequest(type) && type != "run.attach";
}

Result<json> controlRun(HostedRuns& runs, const std::string& type, const json& body) {
    return checked(type, [&]() -> Result<json> {
        if (type == "queue.start") {
            runs.workQueue(body.at("project").get<std::string>());
            return json::object();
        }
        const auto run = runs.find(body.at("run").get<std::string>());
        if (!run) return tl::unexpected(run.error());
        engine::TuningRun& r = **run;
        if (type == "run.pause")
            r.pause();
        else if (type == "run.continue")
            r.resume();
        else if (type == "run.stop")
            r.stop();
        else if (type == "run.checkpoint")
            r.checkpoint();
        else if (type == "run.sample")
            r.sampleNow();
        else if (type == "run.cancel")
            r.cancel();
        else if (type == "run.change")
            return asJson(r.change(body.at("key").get<std::string>(), body.at("value").is_string()
                                                                          ? body["value"].get<std::string>()
                                                                          : body["value"].dump()));
        else
            return fail(ErrorCode::Unsupported, {{"what", "request " + type}, {"detail", ""}});
        return json::object();
    });
}

}  // namespace caravan::host
