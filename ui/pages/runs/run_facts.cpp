// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/runs/run_facts.h"

#include <limits>

#include "projects/run_catalogue.h"

namespace caravan::ui {
namespace {

constexpr std::size_t kPoints = 64;
constexpr auto kLast = std::numeric_limits<engine::StepIndex>::max();

double meanOf(const std::vector<float>& values) {
    double sum = 0;
    for (const float value : values)
        sum += value;
    return values.empty() ? NAN : sum / static_cast<double>(values.size());
}

}  // namespace

RunFacts readFacts(projects::RunCatalogue& catalogue, const std::string& run) {
    RunFacts facts;
    engine::StepIndex last = 0;
    if (const auto points = catalogue.series(run, projects::Metric::Loss, 0, kLast, kPoints)) {
        for (const projects::SeriesPoint& point : *points) {
            facts.loss.append(point.value);
            last = point.step;
        }
    }
    if (facts.loss.isEmpty()) return facts;
    if (const auto end = catalogue.steps(run, last, kLast); end && !end->empty()) {
        facts.lastLoss = end->back().loss;
        facts.maxVio = meanOf(end->back().maxVio);
        facts.loss.append(end->back().loss);
    }
    const auto speeds = catalogue.series(run, projects::Metric::TokensPerSecond, 0, kLast, kPoints);
    double sum = 0;
    int used = 0;
    if (speeds)
        for (const projects::SeriesPoint& point : *speeds)
            if (point.value > 0) sum += point.value, ++used;
    if (used > 0) facts.tokensPerSecond = sum / used;
    if (const auto memory = catalogue.series(run, projects::Metric::MemoryBytes, 0, kLast, kPoints))
        for (const projects::SeriesPoint& point : *memory)
            if (!(facts.memoryBytes >= point.value) && point.value > 0) facts.memoryBytes = point.value;
    if (const auto alarms = catalogue.alarms(run))
        for (const engine::Alarm& alarm : *alarms)
            facts.broken = facts.broken || alarm.kind == "not_a_number";
    return facts;
}

}  // namespace caravan::ui
