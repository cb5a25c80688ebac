// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "engine/api/alarm_text.h"
#include "engine/api/expert_copies.h"
#include "engine/api/saturation_curve.h"

namespace caravan::engine {
namespace {

RoutingAnalysis analysis(StepIndex step, const std::vector<double>& saturation,
                         const std::string& reference) {
    RoutingAnalysis a;
    a.step = step;
    a.reference = reference;
    a.probe = "held-out";
    a.tokens = 100;
    a.statistics.record.experts = 2;
    for (std::size_t i = 0; i < saturation.size(); ++i) {
        LayerAnalysis layer;
        layer.layer = static_cast<std::int64_t>(2 * i);
        layer.saturation = saturation[i];
        a.statistics.record.layers.push_back(layer.layer);
        layer.cka = {1, 0.5, 0.5, 1};
        a.layers.push_back(layer);
    }
    return a;
}

TEST(Saturation, IsTakenAgainstOneCheckpoint) {
    const auto curve = saturationOf({analysis(60, {1, 1}, "run@60"), analysis(20, {0.5, 0.7}, "run@60"),
                                     analysis(30, {0.9, 0.9}, "run@30"),  // of an earlier end of the run
                                     analysis(40, {0.8, NAN}, "run@60"), analysis(50, {NAN, NAN}, "")});
    EXPECT_EQ(curve.reference, "run@60");
    EXPECT_EQ(curve.layers, (std::vector<std::int64_t>{0, 2}));
    ASSERT_EQ(curve.points.size(), 3u);
    EXPECT_EQ(curve.points[0].step, 20);
    EXPECT_DOUBLE_EQ(curve.points[0].mean, 0.6);
    EXPECT_EQ(curve.points[1].step, 40);
    EXPECT_DOUBLE_EQ(curve.points[1].mean, 0.8);  // of what is known
    EXPECT_EQ(curve.points[2].step, 60);
}

TEST(Saturation, OtherRowsAreNotComparable) {
    auto other = analysis(20, {0.5, 0.7}, "run@60");
    other.tokens = 50;
    EXPECT_EQ(saturationOf({analysis(60, {1, 1}, "run@60"), other}).points.size(), 1u);
    EXPECT_TRUE(saturationOf({}).points.empty());
    EXPECT_TRUE(saturationOf({analysis(60, {NAN, NAN}, "run@60")}).points.empty());
}

TEST(Saturation, IsReadFromTheRunsFolder) {
    namespace fs = std::filesystem;
    const fs::path run = fs::temp_directory_path() / ("caravan-saturation-" + std::to_string(getpid()));
    EXPECT_TRUE(readSaturation(run.string()).points.empty());
    fs::create_directories(run / "routing");
    for (const StepIndex step : {30, 60})
        std::ofstream(run / analysisFile(step))
            << nlohmann::json(analysis(step, {step / 60.0, step / 120.0}, "run@60"));
    std::ofstream(run / analysisFile(45)) << "{ torn";
    std::ofstream(run / "routing" / "notes.txt") << "not an analysis";
    const auto curve = readSaturation(run.string());
    fs::remove_all(run);
    ASSERT_EQ(curve.points.size(), 2u);
    EXPECT_EQ(curve.points[0].layers, (std::vector<double>{0.5, 0.25}));
}

TEST(ExpertCopies, ArePairsAboveTheLimit) {
    RoutingAnalysis a = analysis(10, {0.5, 0.5, 0.5}, "");
    a.statistics.record.experts = 3;
    for (LayerAnalysis& layer : a.layers)
        layer.cka = {1, 0.2, 0.99, 0.2, 1, NAN, 0.99, NAN, 1};  // at the limit, and not known
    EXPECT_TRUE(copiesOf(a).empty());
    a.layers[1].cka = {1, 0.2, 0.995, 0.2, 1, 0.1, 0.995, 0.1, 1};
    a.layers[2].cka = {1, 0.992, 0.991, 0.992, 1, 0.999, 0.991, 0.999, 1};
    const auto copies = copiesOf(a);
    ASSERT_EQ(copies.size(), 2u);
    EXPECT_EQ(copies[0].layer, 4);  // more pairs
    EXPECT_EQ(copies[0].pairs, 3);
    EXPECT_EQ(copies[0].first, 1);
    EXPECT_EQ(copies[0].second, 2);
    EXPECT_EQ(copies[1].second, 2);
    a.layers[2].cka.clear();  // experts of another kind have none
    EXPECT_EQ(copiesOf(a).size(), 1u);
}

TEST(ExpertCopies, AreToldWithARemedy) {
    const AlarmText text = describe(alarmOf({.layer = 7, .first = 2, .second = 5, .cka = 0.9961}, 60));
    EXPECT_EQ(text.title, "Layer 7 has experts that do the same.");
    EXPECT_NE(text.text.find("expert 2"), std::string::npos);
    EXPECT_NE(text.text.find("0.996"), std::string::npos);
    EXPECT_NE(text.remedy.find("Mute"), std::string::npos);
}

}  // namespace
}  // namespace caravan::engine
