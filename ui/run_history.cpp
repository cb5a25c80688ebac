// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/run_history.h"

#include <algorithm>
#include <type_traits>

namespace caravan::ui {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

double meanOf(const std::vector<float>& values) {
    double sum = 0;
    int used = 0;
    for (const float value : values)
        if (std::isfinite(value)) sum += value, ++used;
    return used > 0 ? sum / used : NAN;
}

}  // namespace

void RunHistory::clear() {
    *this = RunHistory(m_generation + 1);
}

template <class T>
void RunHistory::replaceFrom(std::vector<T>& list, engine::StepIndex step) {
    const auto first = std::lower_bound(list.begin(), list.end(), step,
                                        [](const T& item, engine::StepIndex s) { return item.step < s; });
    if (first == list.end()) return;
    list.erase(first, list.end());
    ++m_generation;
}

void RunHistory::add(const engine::StepMetrics& metrics) {
    if (const std::size_t first = m_steps.lowerIndex(metrics.step); first < m_steps.size()) {
        m_steps.truncate(first);
        ++m_generation;
    }
    StepRow row;
    row.step = metrics.step;
    row.loss = metrics.loss;
    const bool sparse = !metrics.maxVio.empty() || !metrics.expertLoad.empty() || metrics.balance > 0;
    row.balance = sparse ? metrics.balance : NAN;
    row.learningRate = metrics.learningRate;
    row.gradientNorm = metrics.gradientNorm;
    row.tokensPerSecond = metrics.tokensPerSecond > 0 ? metrics.tokensPerSecond : NAN;
    row.memoryGiB = metrics.memoryBytes > 0 ? static_cast<double>(metrics.memoryBytes) / kGiB : NAN;
    row.maxVio = meanOf(metrics.maxVio);
    for (const float value : metrics.maxVio)
        if (!(row.worstMaxVio >= value)) row.worstMaxVio = value;
    row.entropy = meanOf(metrics.entropy);
    row.confidence = meanOf(metrics.confidence);
    if (!metrics.expertLoad.empty() && !metrics.entropy.empty()) {
        const double logExperts =
            std::log(static_cast<double>(std::max<std::size_t>(1, metrics.expertLoad.front().size())));
        double sum = 0;
        for (const float entropy : metrics.entropy)
            sum += std::exp(entropy * logExperts);
        row.effectiveExperts = sum / static_cast<double>(metrics.entropy.size());
    }
    m_sparseLayers = static_cast<int>(std::max(metrics.maxVio.size(), metrics.expertLoad.size()));
    m_steps.append(row, metrics.seconds, static_cast<double>(metrics.tokens));
    m_latest = metrics;
}

void RunHistory::apply(const engine::RunEvent& event) {
    std::visit(
        [this](const auto& value) {
            using T = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<T, engine::StepMetrics>) {
                add(value);
            } else if constexpr (std::is_same_v<T, engine::Evaluation>) {
                replaceFrom(m_evaluations, value.step);
                m_evaluations.push_back(value);
            } else if constexpr (std::is_same_v<T, engine::Sample>) {
                if (!m_samples.empty() && m_samples.back().step >= value.step)
                    std::erase_if(m_samples, [&](const engine::Sample& s) {
                        return s.step > value.step || (s.step == value.step && s.prompt == value.prompt);
                    });
                m_samples.push_back(value);
            } else if constexpr (std::is_same_v<T, engine::CheckpointInfo>) {
                replaceFrom(m_checkpoints, value.step);
                m_checkpoints.push_back(value);
            } else if constexpr (std::is_same_v<T, engine::Alarm>) {
                if (!m_alarms.empty() && m_alarms.back().step >= value.step)
                    std::erase_if(m_alarms, [&](const engine::Alarm& a) {
                        return a.step > value.step ||
                               (a.step == value.step && a.kind == value.kind && a.layer == value.layer);
                    });
                m_alarms.push_back(value);
            } else if constexpr (std::is_same_v<T, engine::RoutingRecord>) {
                m_latestRouting = value;
            } else if constexpr (std::is_same_v<T, engine::StateChange>) {
                m_latestState = value;
            }
        },
        event);
}

std::vector<std::string> RunHistory::heldoutDomains() const {
    std::vector<std::string> domains;
    for (const engine::Evaluation& evaluation : m_evaluations)
        for (const auto& [domain, loss] : evaluation.heldoutLoss)
            if (std::find(domains.begin(), domains.end(), domain) == domains.end()) domains.push_back(domain);
    return domains;
}

const engine::Evaluation* RunHistory::bestEvaluation() const {
    const engine::Evaluation* best = nullptr;
    for (const engine::Evaluation& evaluation : m_evaluations)
        if (!evaluation.heldoutLoss.empty() && (best == nullptr || evaluation.mean < best->mean))
            best = &evaluation;
    return best;
}

std::optional<StepRow> RunHistory::rowAt(engine::StepIndex step) const {
    const std::size_t above = m_steps.column(StepTable::Step).upperBound(static_cast<double>(step));
    return above == 0 ? std::nullopt : std::optional(m_steps[above - 1]);
}

double RunHistory::secondsAt(engine::StepIndex step) const {
    const auto row = rowAt(step);
    return row ? row->seconds : 0;
}

double RunHistory::tokensAt(engine::StepIndex step) const {
    const auto row = rowAt(step);
    return row ? row->tokens : 0;
}

double RunHistory::secondsPerStep() const {
    if (m_steps.size() < 2) return 0;
    const StepRow last = m_steps.back();
    const StepRow first = m_steps[m_steps.size() > 50 ? m_steps.size() - 50 : 0];
    return last.step > first.step
               ? (last.seconds - first.seconds) / static_cast<double>(last.step - first.step)
               : 0;
}

}  // namespace caravan::ui
