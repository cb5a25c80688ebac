// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/data/row_encoder.h"
#include "engine/generate/batch_generator.h"
#include "engine/ops/parallel.h"
#include "engine/session/error_mapping.h"
#include "engine/session/host_status.h"
#include "engine/train/heldout.h"
#include "engine/train/memory.h"
#include "engine/train/schedule.h"
#include "engine/train/session.h"
#include "engine/train/snapshot.h"

namespace caravan::engine::train {

namespace {

constexpr std::int64_t kBadStepsInRow = 3;
constexpr std::int64_t kSampleTokens = 128;

bool due(StepIndex step, std::int64_t every) {
    return every > 0 && step % every == 0;
}

double secondsBetween(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

}  // namespace

// What may change while a run is on, as the recipe says it.
double Session::settingIn(const Recipe& recipe, const std::string& key) {
    if (key == "tune.balance") return recipe.tune.balance;
    if (key == "tune.micro_batch_tokens")
        return static_cast<double>(recipe.tune.microBatchTokens.value_or(0));
    return recipe.tune.learningRate;
}

double Session::settingAt(StepIndex step, const std::string& key, double base) const {
    for (const Change& change : m_changes)
        if (change.step <= step && change.key == key) base = change.to;
    return base;
}

// Wishes for other settings take effect with this step; they are on disk before it runs.
void Session::adoptChanges(StepIndex step) {
    std::deque<Change> wanted;
    {
        const std::lock_guard lock(m_mutex);
        wanted.swap(m_wishes.changes);
    }
    for (Change& change : wanted) {
        change.step = step;
        change.from = settingAt(step, change.key, settingIn(m_recipe, change.key));
        m_folder.addChange(change);
        // As in the file: of two, the one made later is in force from its step on.
        m_changes.push_back(change);
    }
    const std::string micro = "tune.micro_batch_tokens";
    const auto tokens = static_cast<std::int64_t>(settingAt(step, micro, settingIn(m_recipe, micro)));
    if (tokens == m_microBatchTokens) return;
    m_microBatchTokens = tokens;
    restartPrefetch();
}

void Session::restartPrefetch() {
    m_prefetch.reset();
    m_batches.clear();
    if (m_step < m_steps)
        m_prefetch = std::make_unique<Prefetch>(*m_source, m_step + 1, m_steps, m_microBatchTokens);
}

void Session::tune() {
    setState(RunState::Running);
    progress({kTuningStage, m_step, m_steps});
    if (m_step == 0) evaluateAt(0);
    m_begin = m_mark = std::chrono::steady_clock::now();
    while (!done() || !finishTuning()) {
        Verdict verdict = m_pauseReason ? Verdict::GoOn : heed();
        if (verdict == Verdict::GoOn && !m_pauseReason) oneStep(m_step + 1);
        if (m_pauseReason) verdict = waitPaused(std::exchange(m_pauseReason, std::nullopt));
        const bool limit =
            verdict == Verdict::GoOn && m_limits.stopAfter && m_step >= *m_limits.stopAfter && !done();
        if (verdict == Verdict::Cancel)
            throw EngineException(ErrorCode::Interrupted,
                                  {{"run", folder()}, {"step", std::to_string(m_step)}});
        if (verdict == Verdict::GoOn && !limit) continue;
        setState(RunState::Stopping);
        readReports(0);
        save();
        break;
    }
    if (done()) emit(RunResult{folder(), m_step});
}

// The last figures and the last checkpoint; false with a reason to pause: the disk does not take them, or the
// last steps were bad.
bool Session::finishTuning() {
    try {
        readReports(0);
        if (m_pauseReason) return false;
        evaluateAt(m_step);
        save();
    } catch (const EngineException& exception) {
        if (!isDiskError(exception.error())) throw;
        m_pauseReason = exception.error();
    }
    return !m_pauseReason;
}

// One optimizer step and what follows it. Memory that runs out, or a bad checkpoint disk, pauses the run with
// the reason; weights are those of the last whole step.
void Session::oneStep(StepIndex step) {
    try {
        adoptChanges(step);
        if (m_batches.empty()) m_batches = m_prefetch->next();
        m_stepper->setBalance(settingAt(step, "tune.balance", m_recipe.tune.balance));
        const double base = settingAt(step, "tune.learning_rate", m_recipe.tune.learningRate);
        m_stepper->run(
            step, m_batches,
            learningRateAt(step, m_steps, base, m_recipe.tune.warmupRatio, m_recipe.tune.schedule));
        if (const std::string why = m_stepper->takeNotice(); !why.empty())
            log("warning", "No CUDA graphs from now on, steps go on operation by operation: " + why);
        m_batches.clear();
        m_step = step;
        readReports(m_options.device.is_cpu() ? 0 : 1);
        if (!m_pauseReason) afterStep(step);
    } catch (const std::exception& exception) {
        Error error = errorFrom(exception);
        const bool memory = error.code == ErrorCode::MemoryShort;
        if (!memory && !isDiskError(error)) throw;
        if (memory) {
            releaseCachedMemory(m_options.device);
            // What can be made smaller, and to what.
            error.parameters.emplace_back("micro_batch_tokens", std::to_string(m_microBatchTokens));
            error.parameters.emplace_back(
                "longest_row", std::to_string(sequenceLengthOf(m_recipe, m_model->config().maxPositions)));
        }
        m_pauseReason = std::move(error);
    }
}

void Session::readReports(std::size_t leave) {
    while (m_stepper && m_stepper->pending() > leave) {
        const StepReport report = m_stepper->take();
        publish(report);
        guard(report);
        if (m_pauseReason) return;
    }
}

void Session::publish(const StepReport& report) {
    StepMetrics metrics{.step = report.step};
    metrics.loss = report.answerTokens > 0 ? report.lossSum / static_cast<double>(report.answerTokens) : 0.0;
    metrics.learningRate = report.learningRate;
    metrics.gradientNorm = report.gradientNorm;
    metrics.tokens = report.tokens;
    metrics.answerTokens = report.answerTokens;
    metrics.skipped = !report.finite;
    double sum = 0;
    for (const double value : report.balance)
        sum += value;
    if (!report.balance.empty()) metrics.balance = sum / static_cast<double>(report.balance.size());
    metrics.balanceLoss = report.balanceAlpha * sum;
    metrics.tokensPerSecond =
        static_cast<double>(report.tokens) / std::max(1e-9, secondsBetween(m_mark, report.finished));
    metrics.seconds = secondsBetween(m_begin, report.finished);
    m_mark = report.finished;
    metrics.memoryBytes = report.memoryBytes;
    m_tokens += report.tokens;
    m_answerTokens += report.answerTokens;
    if (m_monitor) m_monitor->add(report, metrics);
    emit(metrics);
    if (m_monitor && due(report.step, m_routingStride)) flushRouting();
    for (const Alarm& alarm :
         m_alarms->add(metrics, m_monitor ? &*m_monitor : nullptr, report.balanceAlpha > 0))
        emit(alarm);
}

void Session::flushRouting() {
    if (!m_monitor) return;
    if (const std::optional<RoutingRecord> record = m_monitor->takeRecord()) {
        m_folder.appendRouting(*record);
        emit(*record);
    }
}

// A bad step is not finite (it left the weights alone) or far above the usual loss; three in a row end in a
// pause at the last good weights.
void Session::guard(const StepReport& report) {
    const LossWatch::Finding loss = m_alarms->loss();
    if (report.finite && !loss.spike) {
        m_badInRow = 0;
        return;
    }
    if (!report.finite) {
        ++m_skipped;
        log("warning", "Step " + std::to_string(report.step) + " was not finite and left the weights alone.");
    }
    if (++m_badInRow < kBadStepsInRow) return;
    Alarm alarm{.step = report.step, .kind = "diverged", .since = report.step - kBadStepsInRow + 1};
    Error reason{ErrorCode::LossDiverged, {{"step", std::to_string(report.step)}}};
    if (report.finite) {
        alarm.value = report.lossSum / static_cast<double>(report.answerTokens);
        reason.parameters.emplace_back("loss", fmt::format("{:.3g}", alarm.value));
        reason.parameters.emplace_back("before", fmt::format("{:.3g}", loss.usual));
    } else {
        alarm.kind = "not_a_number";
        alarm.value = report.gradientNorm;
        reason.code = ErrorCode::NotANumber;
    }
    emit(alarm);
    rollBack(report.finite);
    m_pauseReason = std::move(reason);
}

// Back to the last good checkpoint. Without one: to the start, or, if no bad step touched the weights,
// nowhere.
void Session::rollBack(bool weightsTouched) {
    while (m_stepper->pending() > 0)
        (void)m_stepper->take();
    m_badInRow = 0;
    const Result<std::filesystem::path> latest = checkpoint::latestVerified(m_folder.path());
    if (latest) {
        const checkpoint::LoadedCheckpoint loaded = unwrap(checkpoint::load(*latest));
        restore(m_model->trainable(), loaded, m_recipe.tune.optimizer);
        restoreState(loaded.state);
        log("warning", "Back to the checkpoint of step " + std::to_string(loaded.state.step) + ".");
    } else if (weightsTouched) {
        restart();
    }
    if (m_evaluatedStep > m_step) m_evaluatedStep = -1;
    m_alarms->wentBack();
    restartPrefetch();
}

// The weights of step 0 once more: they follow from model and seed.
void Session::restart() {
    log("warning", "There is no checkpoint yet: back to the start.");
    m_stepper.reset();
    m_model.reset();
    loadModel();
    makeStepper();
    m_step = 0;
    m_tokens = m_answerTokens = m_sinceLowest = 0;
    m_lowest.reset();
    if (m_evaluation && m_evaluation->step == 0) m_lowest = m_evaluation->mean;
    m_stoppedEarly = false;
}

void Session::afterStep(StepIndex step) {
    if (step >= m_steps) return;  // the end evaluates and saves by itself
    const Recipe::Tune& tune = m_recipe.tune;
    const bool evaluate = due(step, tune.evaluateEvery), sample = due(step, tune.sampleEvery),
               keep = due(step, tune.checkpointEvery);
    if (!evaluate && !sample && !keep) return;
    readReports(0);
    if (m_pauseReason) return;
    if (evaluate) evaluateAt(step);
    if (sample) sampleAt(step);
    const bool best = evaluate && tune.keep == Keeping::Best && m_evaluation && m_sinceLowest == 0;
    if ((keep || best) && m_badInRow == 0) save();  // a checkpoint to go back to is a good one
    m_mark = std::chrono::steady_clock::now();
}

void Session::evaluateAt(StepIndex step) {
    if (m_evaluatedStep == step || m_data->heldout().empty()) return;
    m_evaluation = evaluateHeldout(
        *m_model, *m_data, step, [this](const Progress& state) { progress(state); }, m_stop.get_token());
    emit(*m_evaluation);
    m_evaluatedStep = step;
    judge(*m_evaluation);
}

// Is it the best so far, and if not, for how long has none been better?
void Session::judge(const Evaluation& evaluation) {
    if (!m_lowest || evaluation.mean < *m_lowest) {
        m_lowest = evaluation.mean;
        m_sinceLowest = 0;
        return;
    }
    ++m_sinceLowest;
    const std::int64_t patience = m_recipe.tune.earlyStop;
    if (patience == 0 || m_sinceLowest < patience || evaluation.step >= m_steps || m_stoppedEarly) return;
    m_stoppedEarly = true;
    log("notice",
        fmt::format("Stopped early at step {} of {}: {} evaluations in a row were not better than {:.4f}.",
                    evaluation.step, m_steps, m_sinceLowest, *m_lowest));
}

void Session::sampleAt(StepIndex step) {
    readReports(0);
    std::vector<generate::BatchSequence> prompts;
    for (const std::string& prompt : m_recipe.tune.samples) {
        GenerateOptions options;
        options.maxTokens = kSampleTokens;
        options.temperature = 0;
        options.routing = false;
        options.alternatives = 0;
        prompts.push_back({unwrap(m_data->chat().encode(*m_tokenizer, {{"user", prompt}}, true)), options});
    }
    progress({.stage = "sampling"});
    generate::BatchLimits limits;
    if (m_options.device.is_cpu()) limits.memory = hostMemory().available;
    const BatchOutcome outcome =
        generate::BatchGenerator(*m_model, *m_tokenizer).run(prompts, {}, {}, m_stop.get_token(), limits);
    for (std::size_t i = 0; i < prompts.size(); ++i)
        emit(Sample{step, m_recipe.tune.samples[i], outcome.answers[i].text});
    m_mark = std::chrono::steady_clock::now();
}

void Session::save() {
    if (m_savedStep == m_step) return;
    progress({.stage = "saving"});
    flushRouting();
    m_folder.sync();
    const Snapshot snapshot(m_model->trainable(), true);
    checkpoint::CheckpointContent content;
    checkpoint::CheckpointState& state = content.state;
    state.step = m_step;
    if (m_step > 0) {
        state.epoch = m_clock->epoch(m_step);
        for (StepIndex step = m_step; step > 0 && m_clock->epoch(step) == state.epoch; --step)
            ++state.batch;
    }
    state.seed = m_recipe.seed;
    state.threads = ops::threads();
    state.device = m_options.device.is_cpu() ? "cpu" : "cuda";
    state.skippedSteps = m_skipped;
    state.tokens = m_tokens;
    state.answerTokens = m_answerTokens;
    state.session["bad_in_row"] = m_badInRow;
    state.session["usual_losses"] = m_alarms->lossWatch().memory().usual;
    state.session["spike_since"] = m_alarms->lossWatch().memory().since;
    state.session["since_lowest"] = m_sinceLowest;
    if (m_lowest) state.session["lowest_mean"] = *m_lowest;
    if (m_evaluation && m_evaluation->step == m_step && (!m_best || m_evaluation->mean < m_best->mean))
        m_best = m_evaluation;
    if (m_best) {
        state.session["best_step"] = m_best->step;
        state.session["best_mean"] = m_best->mean;
    }
    content.trainable = snapshot.trainable();
    content.optimizer = snapshot.optimizer();
    checkpoint::Retention retention;
    if (m_best) retention.best = m_best->step;
    const CheckpointInfo info = m_store->save(content, retention);
    m_savedStep = m_step;
    emit(info);
    m_mark = std::chrono::steady_clock::now();
}

}  // namespace caravan::engine::train
