// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/session.h"

#include <ATen/core/LegacyTypeDispatch.h>

#include <algorithm>
#include <charconv>

#include "engine/api/config/descriptors.h"
#include "engine/api/error_text.h"
#include "engine/formats/model_folder.h"
#include "engine/formats/peft.h"
#include "engine/ops/cuda_plugin.h"
#include "engine/ops/parallel.h"
#include "engine/plan/plan.h"
#include "engine/session/error_mapping.h"
#include "engine/train/memory.h"
#include "engine/train/snapshot.h"
#include "engine/train/warm_up.h"

namespace caravan::engine::train {

namespace fs = std::filesystem;

namespace {

// Changes that a recipe's run folder holds belong to what is repeated.
void copyChanges(const fs::path& from, const fs::path& to) {
    if (fs::exists(from / "changes.jsonl") && fs::exists(from / "recipe.json") && !fs::equivalent(from, to))
        fs::copy_file(from / "changes.jsonl", to / "changes.jsonl", fs::copy_options::skip_existing);
}

// What ended a run. Strange exceptions come from its files and libraries: no bug until shown.
Error endOf(const std::exception& exception) {
    Error error = errorFrom(exception);
    if (error.code == ErrorCode::Internal && !dynamic_cast<const EngineException*>(&exception))
        error.code = ErrorCode::Failed;
    return error;
}

}  // namespace

Session::Session(fs::path runFolder, std::shared_ptr<RunObserver> observer, const SessionOptions& options,
                 RunLimits limits)
    : m_folder(std::move(runFolder)), m_observer(std::move(observer)), m_options(options), m_limits(limits) {}

std::shared_ptr<Session> Session::start(const RunRequest& request, std::shared_ptr<RunObserver> observer,
                                        const SessionOptions& options) {
    const std::shared_ptr<Session> session(
        new Session(fs::absolute(request.runFolder), std::move(observer), options, request.limits));
    session->m_folder.create(request.recipe, request.recipeFolder);
    copyChanges(request.recipeFolder.empty() ? fs::path(".") : fs::path(request.recipeFolder),
                session->m_folder.path());
    session->m_recipe = readRecipe(session->m_folder.path());
    session->launch();
    return session;
}

std::shared_ptr<Session> Session::resumeRun(const ResumeRequest& request,
                                            std::shared_ptr<RunObserver> observer,
                                            const SessionOptions& options) {
    const std::shared_ptr<Session> session(
        new Session(fs::absolute(request.runFolder), std::move(observer), options, request.limits));
    session->m_recipe = readRecipe(session->m_folder.path());
    if (request.step) {
        session->m_checkpoint = checkpoint::checkpointFolder(session->m_folder.path(), *request.step);
        if (!fs::exists(*session->m_checkpoint))
            throw EngineException(ErrorCode::NotFound,
                                  {{"what", "checkpoint"}, {"name", std::to_string(*request.step)}});
    } else {
        std::vector<std::string> notes;
        Result<fs::path> latest = checkpoint::latestVerified(session->m_folder.path(), &notes);
        for (const std::string& note : notes)
            session->log("warning", note);
        // A run that died before its first checkpoint begins anew.
        if (latest)
            session->m_checkpoint = *latest;
        else if (latest.error().code != ErrorCode::NotFound)
            throw EngineException(latest.error());
    }
    session->launch();
    return session;
}

Session::~Session() {
    cancel();
    if (m_thread.joinable()) m_thread.join();
}

void Session::launch() {
    m_thread = std::jthread([this] { work(); });
}

void Session::wish(const std::function<void(Wishes&)>& set) {
    const std::lock_guard lock(m_mutex);
    set(m_wishes);
    m_changed.notify_all();
}

void Session::pause() {
    wish([](Wishes& wishes) { wishes.pause = true; });
}
void Session::resume() {
    wish([](Wishes& wishes) { wishes.pause = false; });
}
void Session::stop() {
    wish([](Wishes& wishes) { wishes.stop = true; });
}
void Session::checkpoint() {
    wish([](Wishes& wishes) { wishes.checkpoint = true; });
}
void Session::sampleNow() {
    wish([](Wishes& wishes) { wishes.sample = true; });
}
void Session::cancel() {
    m_stop.request_stop();
}

Result<void> Session::change(const std::string& key, const std::string& value) {
    if (key != "tune.learning_rate" && key != "tune.balance" && key != "tune.micro_batch_tokens")
        return fail(
            ErrorCode::BadOption,
            {{"key", key},
             {"value", value},
             {"range", "tune.learning_rate, tune.balance or tune.micro_batch_tokens while a run is on"}});
    Recipe checked = m_recipe;
    if (auto set = setField(checked, key, value); !set) return set;
    wish([&](Wishes& wishes) { wishes.changes.push_back({.key = key, .to = settingIn(checked, key)}); });
    return {};
}

RunState Session::wait() {
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [this] { return m_ended; });
    return m_state;
}

Result<void> Session::withModel(const std::function<void(model::Model&, const Tokenizer&)>& f) {
    // The lock is held while the run works: asked too early, the answer must not wait for its end.
    if (m_state != RunState::Paused) return fail(ErrorCode::RunBusy, {{"run", folder()}});
    const std::lock_guard lock(m_modelMutex);
    if (m_state != RunState::Paused || !m_model) return fail(ErrorCode::RunBusy, {{"run", folder()}});
    f(*m_model, *m_tokenizer);
    return {};
}

void Session::emit(const RunEvent& event) {
    const bool kept = !std::holds_alternative<Progress>(event) && !std::holds_alternative<LogLine>(event) &&
                      !std::holds_alternative<RoutingRecord>(event);
    if (kept) m_folder.append(event);
    if (m_observer) m_observer->onEvent(event);
}

void Session::log(const std::string& level, const std::string& text) {
    try {
        m_folder.log(level, text);
    } catch (const EngineException&) {  // a log that cannot be written ends no run
    }
    if (m_observer) m_observer->onEvent(LogLine{level, text});
}

void Session::progress(const Progress& progress) {
    if (m_observer) m_observer->onEvent(progress);
}

void Session::setState(RunState state, std::optional<Error> reason) {
    const RunState before = m_state.exchange(state);
    if (before == state && !reason) return;
    const StateChange change{
        .from = before, .to = state, .run = folder(), .step = m_step, .reason = std::move(reason)};
    try {
        m_folder.append(change);
    } catch (const EngineException&) {  // the disk is full: who listens must know the state all the more
    }
    if (m_observer) m_observer->onEvent(change);
}

void Session::work() {
    std::unique_lock model(m_modelMutex);
    RunState last = RunState::Failed;
    std::optional<Error> reason;
    try {
        ops::setThreads(m_options.threads);
        const at::AutoDispatchBelowADInplaceOrView guard;  // nothing here needs autograd's bookkeeping
        prepare();
        tune();
        last = done() ? RunState::Finished : RunState::Stopped;
    } catch (const std::exception& exception) {
        reason = endOf(exception);
        if (reason->code == ErrorCode::Interrupted) last = RunState::Stopped;
    }
    // Memory is free before anybody hears that the run is over.
    m_prefetch.reset();
    m_stepper.reset();
    m_model.reset();
    if (reason && last == RunState::Failed) log("error", errorLines(*reason));
    setState(last, reason);
    model.unlock();
    const std::lock_guard lock(m_mutex);
    m_ended = true;
    m_changed.notify_all();
}

void Session::loadModel() {
    const fs::path path = resolved(m_recipe.model.path, m_folder.path());
    model::LoadOptions load{.quantization = m_recipe.model.quantization,
                            .compute = m_recipe.tune.compute,
                            .type = {},
                            .device = m_options.device};
    load.progress = [this](const Progress& state) { progress(state); };
    load.stop = m_stop.get_token();
    m_model = model::loadModel(path, load);
    model::attachRecipe(*m_model, m_recipe);
    m_model->keepDequantised(m_recipe.tune.dequantization == Dequantization::Cache);
    m_model->keepFp8(m_recipe.tune.dequantization == Dequantization::Fp8);
    ops::setRepeatable(m_recipe.tune.repeatability == Repeatability::Exact);
    const bool peft = isPeftFolder(path);
    m_tokenizer = unwrap(loadTokenizer(peft ? peftBase(unwrap(readPeftConfig(path)), path) : path));
}

void Session::prepare() {
    setState(RunState::Loading);
    loadModel();
    const std::int64_t sequenceLength = sequenceLengthOf(m_recipe, m_model->config().maxPositions);
    const DataSet::Options reading{.sequenceLength = sequenceLength,
                                   .progress = [this](const Progress& state) { progress(state); },
                                   .stop = m_stop.get_token(),
                                   .threads = m_options.threads};
    const DeviceKind kind = m_options.device.is_cpu() ? DeviceKind::Cpu : DeviceKind::Cuda;
    const std::int64_t microBatchTokens = microBatchTokensOf(m_recipe, m_model->config(), kind);
    {
        std::jthread warming;
        if (kind == DeviceKind::Cuda)
            warming = std::jthread(
                [&] { warmUp(*m_model, stepperOptions(m_recipe, 1), sequenceLength, microBatchTokens); });
        m_data = unwrap(DataSet::load(m_recipe, m_folder.path(), *m_tokenizer, reading));
    }
    m_source.emplace(*m_data, m_recipe, sequenceLength);
    m_clock.emplace(*m_data, m_recipe, sequenceLength);
    m_steps = m_source->steps();
    if (!m_recipe.tune.microBatchTokens) {
        // Kept in the recipe: masks and sums depend on it.
        m_recipe.tune.microBatchTokens = microBatchTokens;
        m_folder.writeRecipe(m_recipe);
    }
    m_microBatchTokens = *m_recipe.tune.microBatchTokens;
    m_changes = readChanges(m_folder.path());
    makeStepper();
    m_alarms.emplace(
        static_cast<StepIndex>(std::ceil(m_recipe.tune.warmupRatio * static_cast<double>(m_steps))), m_steps);
    if (!m_model->sparseLayers().empty()) {
        m_monitor.emplace(*m_model->config().moe, m_data->domains());
        const MoeConfig& moe = *m_model->config().moe;
        const RoutingShape shape{moe.layers, moe.experts, moe.topK, m_data->domains()};
        m_routingStride = routingStride(m_steps, shape.recordBytes());
        m_folder.openRouting(shape);
    }
    m_store.emplace(m_folder.path());
    m_store->removeLeftovers();
    const Bytes moments = m_recipe.tune.optimizer == OptimizerKind::AdamW8bit ? 3 : 8,  // per value
        width = m_recipe.tune.trained == TrainedValues::Bf16 ? 2 : 4;
    m_store->requireSpace((width + moments) * m_model->trainable().count());
    if (m_checkpoint) restoreCheckpoint();
    restartPrefetch();
}

void Session::makeStepper() {
    m_stepper = std::make_unique<Stepper>(
        *m_model, stepperOptions(m_recipe, static_cast<std::int64_t>(m_data->domains().size())));
}

// Where the run stands, as a checkpoint tells it.
void Session::restoreState(const checkpoint::CheckpointState& state) {
    m_step = state.step;
    m_tokens = state.tokens;
    m_answerTokens = state.answerTokens;
    m_lowest.reset();
    if (state.session.contains("lowest_mean")) m_lowest = state.session["lowest_mean"].get<double>();
    m_sinceLowest = state.session.value("since_lowest", std::int64_t{0});
    m_stoppedEarly = false;
}

void Session::restoreCheckpoint() {
    const checkpoint::LoadedCheckpoint loaded = unwrap(checkpoint::load(*m_checkpoint));
    restore(m_model->trainable(), loaded, m_recipe.tune.optimizer);
    restoreState(loaded.state);
    m_savedStep = loaded.state.step;
    m_skipped = loaded.state.skippedSteps;
    m_badInRow = loaded.state.session.value("bad_in_row", std::int64_t{0});
    m_alarms->lossWatch().restore({loaded.state.session.value("usual_losses", std::deque<double>{}),
                                   loaded.state.session.value("spike_since", StepIndex{0})});
    if (loaded.state.session.contains("best_step")) {
        m_best = Evaluation{.step = loaded.state.session["best_step"],
                            .heldoutLoss = {},
                            .mean = loaded.state.session.value("best_mean", 0.0)};
    }
    m_store->discardAfter(loaded.state.step);
    if (loaded.state.threads != ops::threads())
        log("warning", "The checkpoint was made with " + std::to_string(loaded.state.threads) +
                           " threads, this run has " + std::to_string(ops::threads()) +
                           ": it goes on, but not bitwise as it would have.");
    const bool bf16 = m_recipe.tune.trained == TrainedValues::Bf16;
    if (!loaded.trainable.empty() && (loaded.trainable.front().dtype == DType::BF16) != bf16)
        log("warning", std::string("The checkpoint holds trained values in ") + (bf16 ? "fp32" : "bf16") +
                           ", this run keeps them in " + (bf16 ? "bf16" : "fp32") +
                           ": it goes on from them, but not as it would have.");
    const std::string device = m_options.device.is_cpu() ? "cpu" : "cuda";
    if (loaded.state.device != device)
        log("warning", "The checkpoint was made on " + loaded.state.device + ", this run is on " + device +
                           ": it goes on, but not bitwise as it would have.");
}

Session::Verdict Session::heed() {
    if (m_stop.get_token().stop_requested()) return Verdict::Cancel;
    Wishes now;
    {
        const std::lock_guard lock(m_mutex);
        now = m_wishes;
        m_wishes.checkpoint = m_wishes.sample = false;
    }
    if (now.stop) return Verdict::Stop;
    if (now.checkpoint) {
        readReports(0);
        save();
    }
    if (now.sample) sampleAt(m_step);
    if (now.pause) return waitPaused({});
    return Verdict::GoOn;
}

Session::Verdict Session::waitPaused(std::optional<Error> reason) {
    try {
        readReports(0);
        flushRouting();
        m_folder.sync();
    } catch (const EngineException& exception) {
        if (!isDiskError(exception.error())) throw;
        if (!reason) reason = exception.error();
    }
    {
        const std::lock_guard lock(m_mutex);
        m_wishes.pause = true;
    }
    setState(RunState::Paused, std::move(reason));
    Verdict verdict = Verdict::GoOn;
    const std::stop_token stop = m_stop.get_token();
    for (bool paused = true; paused;) {
        Wishes now;
        m_modelMutex.unlock();
        {
            std::unique_lock lock(m_mutex);
            m_changed.wait(lock, stop, [this] {
                return !m_wishes.pause || m_wishes.stop || m_wishes.checkpoint || m_wishes.sample;
            });
            now = m_wishes;
            m_wishes.checkpoint = m_wishes.sample = false;
        }
        m_modelMutex.lock();
        if (stop.stop_requested() || now.stop) {
            verdict = now.stop ? Verdict::Stop : Verdict::Cancel;
            break;
        }
        if (now.checkpoint) save();
        if (now.sample) sampleAt(m_step);
        paused = now.pause;
    }
    if (verdict == Verdict::GoOn) setState(RunState::Running);
    m_mark = std::chrono::steady_clock::now();
    return verdict;
}

}  // namespace caravan::engine::train
