// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/core/LegacyTypeDispatch.h>

#include <mutex>
#include <thread>

#include "engine/api/answer_batch.h"
#include "engine/api/answer_score.h"
#include "engine/api/approximation.h"
#include "engine/api/bench.h"
#include "engine/api/engine.h"
#include "engine/api/routing_analysis.h"
#include "engine/api/side_by_side.h"
#include "engine/bench/sheet.h"
#include "engine/checkpoint/model_export.h"
#include "engine/evaluate/heldout.h"
#include "engine/evaluate/probe.h"
#include "engine/generate/answer_reader.h"
#include "engine/generate/batch_generator.h"
#include "engine/generate/generator.h"
#include "engine/generate/prompt.h"
#include "engine/ops/parallel.h"
#include "engine/routing/analysis.h"
#include "engine/routing/approximation.h"
#include "engine/routing/probe_routing.h"
#include "engine/session/device_choice.h"
#include "engine/session/error_mapping.h"
#include "engine/session/host_status.h"
#include "engine/session/loaded_model.h"
#include "engine/session/model_source.h"
#include "engine/train/run_folder.h"
#include "engine/train/session.h"
#include "engine/upcycle/dry_step.h"
#include "engine/upcycle/upcycle.h"

namespace caravan::engine {
namespace {

class LocalEngine final : public Engine,
                          public BatchWriter,
                          public AnswerScorer,
                          public RoutingAnalyst,
                          public Approximator,
                          public SideBySide,
                          public Measurer {
  public:
    explicit LocalEngine(const EngineOptions& options)
        : m_options(options), m_choice(chooseDevice(options)), m_models(m_choice.device) {}

    DeviceStatus device() override { return deviceStatus(m_choice); }

    Result<StepZeroProof> proveStepZero(const Recipe& recipe, const std::string& folder,
                                        const ProgressFunction& progress, std::stop_token stop) override {
        return compute([&] { return upcycle::prove(recipe, folder, m_choice.device, progress, stop); });
    }
    Result<DryStep> dryStep(const Recipe& recipe, const std::string& folder, const ProgressFunction& progress,
                            std::stop_token stop) override {
        return compute([&] { return upcycle::dryStep(recipe, folder, m_choice.device, progress, stop); });
    }
    Result<UpcycleOutcome> upcycle(const Recipe& recipe, const std::string& folder, const std::string& out,
                                   const ProgressFunction& progress, std::stop_token stop) override {
        return compute([&] { return upcycle::apply(recipe, folder, out, m_choice.device, progress, stop); });
    }

    Result<std::shared_ptr<TuningRun>> startRun(const RunRequest& request,
                                                std::shared_ptr<RunObserver> observer) override {
        return compute(
            [&] { return keep(train::Session::start(request, std::move(observer), sessionOptions())); });
    }
    Result<std::shared_ptr<TuningRun>> resumeRun(const ResumeRequest& request,
                                                 std::shared_ptr<RunObserver> observer) override {
        return compute(
            [&] { return keep(train::Session::resumeRun(request, std::move(observer), sessionOptions())); });
    }

    Result<GenerateSummary> generate(const ModelSource& source, const std::vector<ChatMessage>& messages,
                                     const GenerateOptions& options, const TokenFunction& token,
                                     const ProgressFunction& progress, std::stop_token stop) override {
        return compute([&] {
            if (source.live) {
                GenerateSummary summary;
                ask(source, progress, stop, [&](const Asked& asked) {
                    summary =
                        generate::Generator(asked.model, asked.tokenizer)
                            .run(generate::promptIds(asked.tokenizer, asked.form, messages, options.raw),
                                 options, token, stop);
                });
                return summary;
            }
            const auto lock = m_models.acquire(stop);
            const auto [loaded, dense] = m_models.share(source, progress, stop);
            const Tokenizer& tokenizer = loaded.opened.text();
            if (!loaded.generator)
                loaded.generator = std::make_unique<generate::Generator>(*loaded.opened.model, tokenizer);
            return loaded.generator->run(
                generate::promptIds(tokenizer, formOf(loaded, dense), messages, options.raw), options, token,
                stop, dense);
        });
    }

    Result<BatchOutcome> writeAnswers(const BatchRequest& request, const AnswerTokenFunction& token,
                                      const ProgressFunction& progress, std::stop_token stop) override {
        return compute([&] {
            BatchOutcome outcome;
            ask(request.source, progress, stop, [&](const Asked& asked) {
                std::vector<generate::BatchSequence> sequences;
                for (const AnswerRequest& answer : request.answers)
                    sequences.push_back({generate::promptIds(asked.tokenizer, asked.form, answer.messages,
                                                             answer.options.raw),
                                         answer.options});
                outcome = generate::BatchGenerator(asked.model, asked.tokenizer)
                              .run(sequences, token, progress, stop, {.memory = freeMemory()}, asked.dense);
            });
            return outcome;
        });
    }

    Result<AnswerScore> score(const ScoreRequest& request, const ProgressFunction& progress,
                              std::stop_token stop) override {
        return compute([&] {
            AnswerScore score;
            ask(request.source, progress, stop, [&](const Asked& asked) {
                score = generate::readAnswer(
                    asked.model,
                    generate::promptIds(asked.tokenizer, asked.form, request.messages, request.raw), request,
                    progress, stop, asked.dense);
            });
            return score;
        });
    }

    Result<EvaluateOutcome> evaluate(const ModelSource& source, const std::vector<DomainFile>& files,
                                     const ProgressFunction& progress, std::stop_token stop) override {
        return compute([&] { return evaluateOne(source, {}, files, progress, stop); });
    }
    Result<std::vector<EvaluateOutcome>> evaluateAlike(const std::vector<ModelSource>& sources,
                                                       const std::vector<DomainFile>& files,
                                                       const ProgressFunction& progress,
                                                       std::stop_token stop) override {
        return compute([&] {
            std::optional<std::int64_t> shortest;
            for (const ModelSource& source : sources)
                if (const auto length = tunedLength(source))
                    shortest = std::min(*length, shortest.value_or(*length));
            std::vector<EvaluateOutcome> outcomes;
            for (const ModelSource& source : sources)
                outcomes.push_back(evaluateOne(source, shortest, files, progress, stop));
            return outcomes;
        });
    }
    Result<RoutingStatistics> routing(const ModelSource& source, const std::vector<DomainFile>& files,
                                      const ProgressFunction& progress, std::stop_token stop) override {
        return compute([&] {
            return with(source, progress, stop,
                        [&](model::Model& model, const Tokenizer& tokenizer, const Recipe* recipe,
                            const ChatTemplate& chat) {
                            const auto set = evaluate::loadProbeSet(
                                files, tokenizer, chat, sequenceLength(recipe, model), progress, stop);
                            return routing::probeRouting(model, set, progress, stop);
                        });
        });
    }
    Result<RoutingAnalysis> analyseRouting(const RoutingAnalysisRequest& request,
                                           const ProgressFunction& progress, std::stop_token stop) override {
        return compute([&] { return analyse(request, progress, stop); });
    }
    Result<Approximation> approximate(const ApproximationRequest& request, const ProgressFunction& progress,
                                      std::stop_token stop) override {
        return compute([&] {
            const auto lock = m_models.acquire(stop);
            m_models.drop();  // it reads two models, one after the other
            return routing::approximate(request, m_choice, progress, stop);
        });
    }
    Result<void> measure(const BenchRequest& request, const FigureFunction& figure,
                         const ProgressFunction& progress, std::stop_token stop) override {
        return compute([&] {
            bench::run(request, figure, progress, std::move(stop), m_choice.device.is_cuda(), m_choice.note);
        });
    }
    Result<void> probe(const ModelSource& source, const ProbeRequest& request,
                       std::stop_token stop) override {
        return compute([&] {
            ModelSource exact = source;
            if (exact.compute == Compute::Auto) exact.compute = Compute::Fp32;
            const auto lock = m_models.acquire(stop);
            evaluate::probe(*m_models.use(exact, {}, stop).opened.model, request, stop);
        });
    }
    Result<ExportOutcome> exportModel(const ModelSource& source, const ExportRequest& request,
                                      const ProgressFunction& progress, std::stop_token stop) override {
        return compute([&] {
            const auto lock = m_models.acquire(stop);
            OpenedModel& opened = m_models.use(source, progress, stop).opened;
            std::optional<ChatTemplate> chat;
            if (opened.recipe && opened.tokenizer)
                chat = generate::promptForm(opened.tokenizerFolder, &*opened.recipe, *opened.tokenizer);
            return checkpoint::exportModel(
                {*opened.model, opened.baseFolder, opened.tokenizer.get(), chat ? &*chat : nullptr}, request,
                progress, stop);
        });
    }
    void unload() override {
        const auto lock = m_models.acquire({});
        m_models.drop();
    }

  private:
    // Everything that computes: threads set, no autograd keys in the way, exceptions as errors.
    template <class F>
    auto compute(F&& f) -> Result<decltype(f())> {
        if (m_choice.refused) return tl::unexpected(*m_choice.refused);
        return guarded([&] {
            ops::setThreads(m_options.threads);
            const at::AutoDispatchBelowADInplaceOrView guard;
            return f();
        });
    }

    // For what a request takes beside the model.
    Bytes freeMemory() {
        if (m_choice.device.is_cpu()) return hostMemory().available;
        const DeviceStatus status = deviceStatus(m_choice);
        return status.memoryTotal - status.memoryUsed;
    }

    // A model as it is asked something: a loaded one, or that of the paused run.
    struct Asked {
        model::Model& model;
        const Tokenizer& tokenizer;
        const ChatTemplate& form;
        bool dense;
    };
    template <class F>
    void ask(const ModelSource& source, const ProgressFunction& progress, const std::stop_token& stop,
             F&& f) {
        if (!source.live) {
            const auto lock = m_models.acquire(stop);
            const auto [loaded, dense] = m_models.share(source, progress, stop);
            f(Asked{*loaded.opened.model, loaded.opened.text(), formOf(loaded, dense), dense});
            return;
        }
        const auto run = liveRun(source);
        const Recipe recipe = train::readRecipe(run->folder());
        unwrap(run->withModel([&](model::Model& model, const Tokenizer& tokenizer) {
            f(Asked{model, tokenizer, unwrap(chatTemplateOf(recipe, run->folder(), tokenizer)), false});
        }));
    }

    template <class F>
    auto with(const ModelSource& source, const ProgressFunction& progress, const std::stop_token& stop, F&& f)
        -> std::invoke_result_t<F, model::Model&, const Tokenizer&, const Recipe*, const ChatTemplate&> {
        if (source.live) {
            std::optional<decltype(f(std::declval<model::Model&>(), std::declval<const Tokenizer&>(), nullptr,
                                     std::declval<const ChatTemplate&>()))>
                out;
            const auto run = liveRun(source);
            const Recipe recipe = train::readRecipe(run->folder());
            unwrap(run->withModel([&](model::Model& model, const Tokenizer& tokenizer) {
                out.emplace(
                    f(model, tokenizer, &recipe, unwrap(chatTemplateOf(recipe, run->folder(), tokenizer))));
            }));
            return std::move(*out);
        }
        const auto lock = m_models.acquire(stop);
        OpenedModel& opened = m_models.use(source, progress, stop).opened;
        const Recipe* recipe = opened.recipe ? &*opened.recipe : nullptr;
        // Without a run there is no template that the rows were learned in: PESC, as the reference figures.
        return f(*opened.model, opened.text(), recipe,
                 recipe ? generate::promptForm(opened.tokenizerFolder, recipe, opened.text())
                        : ChatTemplate::pesc());
    }

    RoutingAnalysis analyse(const RoutingAnalysisRequest& request, const ProgressFunction& progress,
                            const std::stop_token& stop) {
        const RunPlace place = runPlace(request.source);
        routing::ProbeRows probe;
        auto analysed = with(request.source, progress, stop,
                             [&](model::Model& model, const Tokenizer& tokenizer, const Recipe* recipe,
                                 const ChatTemplate& chat) {
                                 probe = routing::loadProbeRows(
                                     {request.files, recipe, place.folder, sequenceLength(recipe, model)},
                                     tokenizer, chat, progress, stop);
                                 return routing::analyse(model, tokenizer, probe, request, progress, stop);
                             });
        RoutingAnalysis& result = analysed.result;
        result.model = request.source.path;
        result.step = place.step;
        if (request.reference) {
            result.reference = request.reference->path;
            with(*request.reference, progress, stop,
                 [&](model::Model& model, const Tokenizer&, const Recipe*, const ChatTemplate&) {
                     routing::compareWith(analysed, model, probe, request, progress, stop);
                     return true;
                 });
        }
        if (request.save && place.step >= 0) routing::saveAnalysis(result, place.folder);
        return std::move(result);
    }

    // The run and the step that a source stands for; no folder and -1: not of a run.
    struct RunPlace {
        std::filesystem::path folder;
        StepIndex step = -1;
    };
    RunPlace runPlace(const ModelSource& source) {
        if (source.live) {
            const auto run = liveRun(source);
            return {run->folder(), run->step()};
        }
        const SourcePlan plan = planSource(source);
        if (!plan.recipe || !plan.checkpoint) return {};
        // checkpoints/step-000030
        return {plan.folder, std::stoll(plan.checkpoint->filename().string().substr(5))};
    }

    static std::int64_t sequenceLength(const Recipe* recipe, const model::Model& model) {
        return sequenceLengthOf(recipe ? *recipe : Recipe{}, model.config().maxPositions);
    }

    // Where a run's recipe names it.
    std::optional<std::int64_t> tunedLength(const ModelSource& source) {
        if (source.live) return train::readRecipe(liveRun(source)->folder()).tune.sequenceLength;
        const SourcePlan plan = planSource(source);
        return plan.recipe ? plan.recipe->tune.sequenceLength : std::nullopt;
    }

    // most: rows are cut there if they are not cut before
    EvaluateOutcome evaluateOne(const ModelSource& source, std::optional<std::int64_t> most,
                                const std::vector<DomainFile>& files, const ProgressFunction& progress,
                                const std::stop_token& stop) {
        return with(source, progress, stop,
                    [&](model::Model& model, const Tokenizer& tokenizer, const Recipe* recipe,
                        const ChatTemplate& chat) {
                        const std::int64_t own = sequenceLength(recipe, model);
                        const auto set = evaluate::loadProbeSet(
                            files, tokenizer, chat, std::min(own, most.value_or(own)), progress, stop);
                        return evaluate::lossesOf(model, set, source.path, progress, stop);
                    });
    }

    train::SessionOptions sessionOptions() const {
        return {.device = m_choice.device, .threads = m_options.threads};
    }

    std::shared_ptr<TuningRun> keep(std::shared_ptr<train::Session> session) {
        const std::lock_guard lock(m_runMutex);
        m_run = session;
        return session;
    }
    std::shared_ptr<train::Session> liveRun(const ModelSource& source) {
        const std::lock_guard lock(m_runMutex);
        auto run = m_run.lock();
        if (!run || (!source.path.empty() && std::filesystem::weakly_canonical(source.path) !=
                                                 std::filesystem::weakly_canonical(run->folder())))
            throw EngineException(ErrorCode::NotFound, {{"what", "paused run"}, {"name", source.path}});
        return run;
    }

    EngineOptions m_options;
    DeviceChoice m_choice;
    ModelHolder m_models;
    std::mutex m_runMutex;
    std::weak_ptr<train::Session> m_run;  // the one started last
};

}  // namespace

std::unique_ptr<Engine> makeEngine(const EngineOptions& options) {
    return std::make_unique<LocalEngine>(options);
}

}  // namespace caravan::engine
