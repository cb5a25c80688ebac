// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/routing_monitor.h"

#include <algorithm>
#include <cmath>

namespace caravan::engine::train {

namespace {

constexpr std::int64_t kMostLoads = 1024;  // layers x experts that a metrics line carries

double entropyOf(const std::vector<float>& shares) {
    double entropy = 0;
    for (const float share : shares)
        if (share > 0) entropy -= share * std::log(static_cast<double>(share));
    return entropy;
}

}  // namespace

RoutingMonitor::RoutingMonitor(const MoeConfig& moe, std::vector<std::string> domains) : m_moe(moe) {
    m_record.layers = moe.layers;
    m_record.experts = moe.experts;
    m_record.topK = moe.topK;
    m_record.domains = std::move(domains);
    m_record.values.assign(
        moe.layers.size() * static_cast<std::size_t>(moe.experts) * m_record.domains.size() * 8, 0.0F);
}

double RoutingMonitor::choices(std::size_t layer, std::size_t expert, std::size_t domain) const {
    return static_cast<double>(m_last[m_record.index(layer, expert, domain, 1, 0, 0)]) +
           m_last[m_record.index(layer, expert, domain, 1, 1, 0)];
}

void RoutingMonitor::add(const StepReport& report, StepMetrics& metrics) {
    m_last = report.load;
    if (m_record.firstStep == 0) m_record.firstStep = report.step;
    m_record.step = report.step;
    for (std::size_t i = 0; i < m_last.size(); ++i)
        m_record.values[i] += m_last[i];

    const auto experts = static_cast<std::size_t>(m_moe.experts);
    const double full = std::log(static_cast<double>(std::max<std::int64_t>(2, m_moe.experts)));
    m_shares.assign(m_moe.layers.size(), std::vector<float>(experts, 0.0F));
    for (std::size_t layer = 0; layer < m_shares.size(); ++layer) {
        std::vector<double> counts(experts, 0.0);
        double sum = 0;
        for (std::size_t expert = 0; expert < experts; ++expert) {
            for (std::size_t domain = 0; domain < domains(); ++domain)
                counts[expert] += choices(layer, expert, domain);
            sum += counts[expert];
        }
        for (std::size_t expert = 0; expert < experts && sum > 0; ++expert)
            m_shares[layer][expert] = static_cast<float>(counts[expert] / sum);
        const float most = *std::max_element(m_shares[layer].begin(), m_shares[layer].end());
        metrics.maxVio.push_back(static_cast<float>(m_moe.experts) * most - 1.0F);
        metrics.entropy.push_back(static_cast<float>(entropyOf(m_shares[layer]) / full));
        const float* sums = report.perLayer.data() + layer * 5;
        const float tokens = std::max(1.0F, sums[4]);
        metrics.confidence.push_back(sums[0] / tokens);
        metrics.margin.push_back(sums[1] / tokens);
        metrics.tokenEntropy.push_back(static_cast<float>(sums[2] / tokens / full));
    }
    if (static_cast<std::int64_t>(m_shares.size()) * m_moe.experts <= kMostLoads)
        metrics.expertLoad = m_shares;
}

std::optional<RoutingRecord> RoutingMonitor::takeRecord() {
    if (m_record.firstStep == 0) return std::nullopt;
    RoutingRecord record = m_record;
    std::fill(m_record.values.begin(), m_record.values.end(), 0.0F);
    m_record.firstStep = 0;
    return record;
}

void AlarmWatch::hold(Condition& condition, bool holds, StepIndex window, Alarm alarm,
                      std::vector<Alarm>& alarms) {
    if (!holds) {
        condition = {};
        return;
    }
    if (condition.since == 0) condition.since = alarm.step;
    if (condition.told || alarm.step - condition.since + 1 < window) return;
    condition.told = true;
    alarm.since = condition.since;
    alarms.push_back(std::move(alarm));
}

void AlarmWatch::watchLayers(const StepMetrics& metrics, const RoutingMonitor& monitor,
                             std::vector<Alarm>& alarms) {
    const MoeConfig& moe = monitor.moe();
    const std::size_t layers = moe.layers.size();
    m_imbalance.resize(layers);
    m_collapse.resize(layers);
    m_undecided.resize(layers);
    for (std::size_t layer = 0; layer < layers; ++layer) {
        const std::int64_t index = moe.layers[layer];
        const double maxVio = metrics.maxVio[layer];
        hold(m_imbalance[layer], maxVio > 2, m_window,
             {.step = metrics.step, .kind = "imbalance", .layer = index, .value = maxVio}, alarms);
        const double effective = std::exp(entropyOf(monitor.shares()[layer]));
        const bool collapsed = moe.experts > moe.topK + 1 && effective < static_cast<double>(moe.topK + 1);
        hold(m_collapse[layer], collapsed, m_window,
             {.step = metrics.step, .kind = "few_experts", .layer = index, .value = effective}, alarms);
        const double tokenEntropy = metrics.tokenEntropy[layer];
        const bool undecided = moe.experts > 1 && metrics.step > m_warmup && tokenEntropy > 0.995;
        hold(m_undecided[layer], undecided, m_window,
             {.step = metrics.step, .kind = "undecided_router", .layer = index, .value = tokenEntropy},
             alarms);
    }
}

void AlarmWatch::watchDead(const StepMetrics& metrics, const RoutingMonitor& monitor,
                           std::vector<Alarm>& alarms) {
    const MoeConfig& moe = monitor.moe();
    const auto experts = static_cast<std::size_t>(moe.experts);
    m_dead.resize(moe.layers.size() * experts);
    for (std::size_t layer = 0; layer < moe.layers.size(); ++layer) {
        std::vector<double> perDomain(monitor.domains(), 0.0);
        for (std::size_t domain = 0; domain < perDomain.size(); ++domain)
            for (std::size_t expert = 0; expert < experts; ++expert)
                perDomain[domain] += monitor.choices(layer, expert, domain);
        for (std::size_t expert = 0; expert < experts; ++expert) {
            double most = 0;
            for (std::size_t domain = 0; domain < perDomain.size(); ++domain)
                if (perDomain[domain] > 0)
                    most = std::max(most, monitor.choices(layer, expert, domain) / perDomain[domain]);
            hold(m_dead[layer * experts + expert], most < 0.1 / static_cast<double>(experts), m_window,
                 {.step = metrics.step,
                  .kind = "dead_expert",
                  .layer = moe.layers[layer],
                  .expert = static_cast<std::int64_t>(expert),
                  .value = most},
                 alarms);
        }
    }
}

std::vector<Alarm> AlarmWatch::add(const StepMetrics& metrics, const RoutingMonitor* monitor,
                                   bool balanceOn) {
    std::vector<Alarm> alarms;
    m_finding = {};
    if (metrics.skipped) return alarms;
    m_finding = m_loss.add(metrics.step, metrics.loss);
    hold(m_spike, m_finding.spike, 1, {.step = metrics.step, .kind = "spike", .value = metrics.loss}, alarms);
    hold(m_zero, metrics.loss == 0, 1, {.step = metrics.step, .kind = "zero_loss", .value = metrics.loss},
         alarms);
    if (!monitor) return alarms;
    watchLayers(metrics, *monitor, alarms);
    watchDead(metrics, *monitor, alarms);
    const bool constant = balanceOn && monitor->moe().experts > monitor->moe().topK &&
                          std::abs(metrics.balance - m_constantValue) < 1e-6;
    m_constantValue = metrics.balance;
    hold(m_constant, constant, m_window,
         {.step = metrics.step, .kind = "constant_balance", .value = metrics.balance}, alarms);
    return alarms;
}

}  // namespace caravan::engine::train
