// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDir>
#include <QFile>
#include <QString>
#include <cmath>
#include <filesystem>
#include <random>
#include <vector>

#include "engine/api/config/descriptors.h"
#include "engine/api/event_json.h"
#include "engine/api/routing_file.h"
#include "projects/project.h"
#include "projects/run_recorder.h"

namespace caravan::test {

// A run as the engine would tell it: losses that fall, loads that lean, held-out data, samples, checkpoints.
// Deterministic.
struct RunStory {
    std::int64_t layers = 4, experts = 4, topK = 2, steps = 20, total = 40;
    std::vector<std::string> domains{"general", "code", "math"};
    std::int64_t evaluateEvery = 10, checkpointEvery = 10, sampleEvery = 10;
    std::int64_t routingEvery = 1;
    double tokensPerStep = 1000;
    double memoryGiB = 2.5;
    bool sparse = true;
    int leaningLayer = -1, leaningExpert = 0;  // carries over 3x its share from the middle of the run on
    int deadLayer = -1, deadExpert = 0;

    [[nodiscard]] double weight(std::int64_t layer, std::int64_t expert, std::size_t domain,
                                std::int64_t step) const {
        std::mt19937 random(
            static_cast<unsigned>(layer * 977 + expert * 31 + static_cast<std::int64_t>(domain) * 7 + 5));
        std::normal_distribution<double> spread(0, 0.28);
        const double grown = std::min(1.0, static_cast<double>(step) / 60.0 + 0.2);
        double value =
            std::exp2(spread(random) * (0.4 + 0.6 * grown)) * std::exp2(0.5 * spread(random) * grown);
        if (layer == leaningLayer && expert == leaningExpert && step * 2 > steps) value *= 5;
        if (layer == deadLayer && expert == deadExpert) value *= 0.02;
        return value;
    }
    [[nodiscard]] engine::RoutingRecord record(std::int64_t first, std::int64_t last) const {
        engine::RoutingRecord record;
        record.firstStep = first;
        record.step = last;
        record.experts = experts;
        record.topK = topK;
        record.domains = domains;
        for (std::int64_t layer = 0; layer < layers; ++layer)
            record.layers.push_back(layer);
        record.values.assign(static_cast<std::size_t>(layers * experts) * domains.size() * 8, 0);
        for (std::size_t layer = 0; layer < record.layers.size(); ++layer)
            for (std::size_t domain = 0; domain < domains.size(); ++domain) {
                double sum = 0;
                for (std::int64_t e = 0; e < experts; ++e)
                    sum += weight(static_cast<std::int64_t>(layer), e, domain, last);
                const double tokens = tokensPerStep * static_cast<double>(last - first + 1) /
                                      static_cast<double>(domains.size());
                for (std::size_t e = 0; e < static_cast<std::size_t>(experts); ++e) {
                    const double share =
                        weight(static_cast<std::int64_t>(layer), static_cast<std::int64_t>(e), domain, last) /
                        sum;
                    for (int role = 0; role < 2; ++role) {
                        const double part = role == 0 ? 0.4 : 0.6;
                        const double all = std::round(tokens * part * static_cast<double>(topK) * share);
                        const double chosenFirst = std::round(all * (0.4 + 0.2 * static_cast<double>(e % 2)));
                        record.values[record.index(layer, e, domain, 0, role, 0)] =
                            static_cast<float>(chosenFirst);
                        record.values[record.index(layer, e, domain, 1, role, 0)] = static_cast<float>(all);
                        record.values[record.index(layer, e, domain, 0, role, 1)] =
                            static_cast<float>(chosenFirst * 0.7);
                        record.values[record.index(layer, e, domain, 1, role, 1)] =
                            static_cast<float>(all * 0.5);
                    }
                }
            }
        return record;
    }
    [[nodiscard]] engine::StepMetrics step(std::int64_t index) const {
        std::mt19937 random(static_cast<unsigned>(index * 13 + 1));
        std::normal_distribution<double> noise(0, 1);
        const double t = static_cast<double>(index) / static_cast<double>(std::max<std::int64_t>(1, total));
        engine::StepMetrics m;
        m.step = index;
        m.loss = 0.745 + 0.52 * std::exp(-t * 9) + 0.026 * noise(random);
        m.balance =
            sparse ? 1.04 + 0.06 * std::exp(-std::pow((t - 0.12) / 0.14, 2)) + 0.002 * noise(random) : 0;
        m.balanceLoss = 0.01 * m.balance;
        m.learningRate = 2e-4 * std::min(1.0, t / 0.03);
        m.gradientNorm = 0.18 + 0.5 * std::exp(-t * 14) + 0.02 * std::abs(noise(random));
        m.tokens = static_cast<std::int64_t>(tokensPerStep);
        m.answerTokens = m.tokens * 6 / 10;
        m.tokensPerSecond = index % checkpointEvery == 0 ? 10500 : 15488 + 120 * noise(random);
        m.memoryBytes = static_cast<engine::Bytes>(memoryGiB * 1024 * 1024 * 1024);
        m.seconds = 8.6 * static_cast<double>(index);
        if (!sparse) return m;
        const engine::RoutingRecord r = record(index, index);
        for (std::size_t layer = 0; layer < r.layers.size(); ++layer) {
            std::vector<float> load(static_cast<std::size_t>(experts));
            double sum = 0, entropy = 0, most = 0;
            for (std::size_t e = 0; e < load.size(); ++e)
                for (std::size_t d = 0; d < domains.size(); ++d)
                    for (int role = 0; role < 2; ++role)
                        load[e] += r.values[r.index(layer, e, d, 1, role, 0)];
            for (const float v : load)
                sum += v;
            for (float& v : load) {
                v = static_cast<float>(v / sum);
                if (v > 0) entropy -= v * std::log(v);
                most = std::max<double>(most, v);
            }
            m.expertLoad.push_back(load);
            m.maxVio.push_back(static_cast<float>(static_cast<double>(experts) * most - 1));
            m.entropy.push_back(static_cast<float>(entropy / std::log(static_cast<double>(experts))));
            m.confidence.push_back(0.31F);
            m.margin.push_back(0.1F);
            m.tokenEntropy.push_back(0.8F);
        }
        return m;
    }
    [[nodiscard]] engine::Evaluation evaluation(std::int64_t index) const {
        engine::Evaluation e;
        e.step = index;
        const double t = static_cast<double>(index) / static_cast<double>(std::max<std::int64_t>(1, total));
        for (std::size_t d = 0; d < domains.size(); ++d) {
            e.heldoutLoss.emplace_back(domains[d],
                                       0.82 - 0.23 * static_cast<double>(d) + 0.4 * std::exp(-t * 8));
            e.mean += e.heldoutLoss.back().second / static_cast<double>(domains.size());
        }
        return e;
    }
    // What happened up to and with `last`, in order; routing records are not among metrics.jsonl's lines.
    [[nodiscard]] std::vector<engine::RunEvent> events(std::int64_t first, std::int64_t last) const {
        std::vector<engine::RunEvent> events;
        if (first == 0) events.emplace_back(evaluation(0));
        for (std::int64_t index = std::max<std::int64_t>(1, first); index <= last; ++index) {
            events.emplace_back(step(index));
            if (index % evaluateEvery == 0) events.emplace_back(evaluation(index));
            if (index % checkpointEvery == 0)
                events.emplace_back(
                    engine::CheckpointInfo{index, "/checkpoints/" + std::to_string(index), 1 << 20});
            if (index % sampleEvery == 0)
                for (const char* prompt :
                     {"Ana has 18 apples, gives half away, buys 4 more. How many has she?",
                      "Write a haiku about sand."})
                    events.emplace_back(engine::Sample{index, prompt,
                                                       "At step " + std::to_string(index) +
                                                           ": 18 divided by 2 is 9. Then she buys 4 more "
                                                           "apples, 9 + 4 = 13. The answer is 13."});
        }
        return events;
    }
    [[nodiscard]] engine::Recipe recipe() const {
        engine::Recipe recipe;
        recipe.model.path = "/models/base";
        recipe.upcycle.method = sparse ? engine::UpcycleMethod::Pesc : engine::UpcycleMethod::None;
        recipe.upcycle.experts = experts;
        recipe.upcycle.topK = topK;
        recipe.tune.steps = total;
        recipe.tune.samples = {"Ana has 18 apples, gives half away, buys 4 more. How many has she?",
                               "Write a haiku about sand."};
        return recipe;
    }
};

// Writes the story into a project as an ended run: database rows, metrics.jsonl, recipe.json, routing.bin.
// Its folder.
inline QString writeRun(const QString& projectFolder, const std::string& name, const RunStory& story,
                        engine::RunState end = engine::RunState::Stopped) {
    auto project = projects::Project::openOrCreate(projectFolder.toStdString());
    if (!project) return {};
    const auto reserved = (*project)->reserveRun(name);
    if (!reserved) return {};
    const QString folder = QString::fromStdString((*project)->runFolder(*reserved).string());
    const std::string recipe = engine::recipeToJson(story.recipe()).dump();
    QFile recipeFile(folder + QStringLiteral("/recipe.json"));
    if (recipeFile.open(QIODevice::WriteOnly)) recipeFile.write(recipe.c_str());
    auto recorder = projects::RunRecorder::claim(*project, *reserved, "engine", recipe, story.total);
    if (!recorder) return {};
    QFile metrics(folder + QStringLiteral("/metrics.jsonl"));
    if (!metrics.open(QIODevice::WriteOnly)) return {};
    std::vector<engine::RunEvent> events{engine::StateChange{
        engine::RunState::Created, engine::RunState::Running, folder.toStdString(), 0, {}}};
    for (auto& event : story.events(0, story.steps))
        events.push_back(std::move(event));
    events.emplace_back(
        engine::StateChange{engine::RunState::Running, end, folder.toStdString(), story.steps, {}});
    for (const engine::RunEvent& event : events) {
        metrics.write((engine::toJson(event).dump() + "\n").c_str());
        (*recorder)->onEvent(event);
    }
    if (story.sparse) {
        const engine::RoutingRecord shape = story.record(1, 1);
        auto writer =
            engine::RoutingFileWriter::open((folder + QStringLiteral("/routing.bin")).toStdString(),
                                            {shape.layers, shape.experts, shape.topK, shape.domains});
        if (writer)
            for (std::int64_t step = story.routingEvery; step <= story.steps; step += story.routingEvery)
                (void)writer->append(story.record(step - story.routingEvery + 1, step));
    }
    (void)(*project)->store().flush();
    return folder;
}

}  // namespace caravan::test
