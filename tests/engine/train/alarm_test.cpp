// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Alarms over synthetic series: each is told once, at the step where it is due, and not before.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/api/alarm_text.h"
#include "engine/train/loss_watch.h"
#include "engine/train/routing_monitor.h"

namespace caravan::engine::train {
namespace {

// A loss as runs have it: falls, with noise of a fixed pattern.
double usualLoss(StepIndex step) {
    const double noise =
        0.15 * std::sin(static_cast<double>(step) * 2.1) + 0.1 * std::cos(5.3 * static_cast<double>(step));
    return 1.2 + 2.3 * std::exp(-static_cast<double>(step) / 30) + noise;
}

TEST(LossWatch, aFallingNoisyLossIsNoSpike) {
    LossWatch watch;
    for (StepIndex step = 1; step <= 2000; ++step)
        ASSERT_FALSE(watch.add(step, usualLoss(step)).spike) << step;
}

TEST(LossWatch, aHarderBatchIsNoSpikeAndAJumpIs) {
    LossWatch watch;
    for (StepIndex step = 1; step <= 100; ++step)
        (void)watch.add(step, usualLoss(step));
    EXPECT_FALSE(watch.add(101, 3.0).spike);
    const auto first = watch.add(102, 9.5);
    EXPECT_TRUE(first.spike);
    EXPECT_EQ(first.since, 102);
    EXPECT_NEAR(first.usual, usualLoss(80), 0.4);
    EXPECT_EQ(watch.add(103, 9.0).since, 102);
    EXPECT_FALSE(watch.add(104, 1.3).spike);  // the row has ended
    EXPECT_EQ(watch.add(105, 9.0).since, 105);
    watch.reset();
    EXPECT_EQ(watch.add(106, 9.0).since, 106);
}

TEST(LossWatch, theFirstStepsAreJudgedToo) {
    LossWatch watch;
    EXPECT_FALSE(watch.add(1, 3.4).spike);
    EXPECT_FALSE(watch.add(2, 6.9).spike);  // rows differ; little is known yet
    EXPECT_TRUE(watch.add(3, 40.0).spike);
}

TEST(LossWatch, goesOnFromItsMemory) {
    LossWatch whole, first, second;
    for (StepIndex step = 1; step <= 70; ++step) {
        (void)whole.add(step, usualLoss(step));
        (void)first.add(step, usualLoss(step));
    }
    EXPECT_TRUE(first.add(71, 9.0).spike && whole.add(71, 9.0).spike);
    second.restore(first.memory());
    const auto expected = whole.add(72, 9.0), found = second.add(72, 9.0);
    EXPECT_EQ(found.since, 71);
    EXPECT_EQ(found.usual, expected.usual);
    // A checkpoint that somebody edited.
    second.restore({std::deque<double>(500, std::numeric_limits<double>::infinity()), 0});
    EXPECT_FALSE(second.add(1, 3.0).spike);
    second.restore({std::deque<double>(500, 1.0), 0});
    EXPECT_EQ(second.memory().usual.size(), LossWatch::kWindow);
}

TEST(LossWatch, whatIsNotFiniteIsAnotherAlarm) {
    LossWatch watch;
    (void)watch.add(1, 1.0);
    EXPECT_FALSE(watch.add(2, std::numeric_limits<double>::quiet_NaN()).spike);
    EXPECT_FALSE(watch.add(3, std::numeric_limits<double>::infinity()).spike);
    EXPECT_TRUE(watch.add(4, 9.0).spike);
}

// Two layers, four experts, top-2, two domains.
class AlarmTest : public testing::Test {
  protected:
    // counts: of choices by layer and expert; the same in both domains unless told
    std::vector<Alarm> step(StepIndex step, const std::vector<std::vector<double>>& counts, double loss = 1,
                            double balance = 1.0, float tokenEntropy = 0.5F) {
        StepReport report;
        report.step = step;
        const auto record = [&](std::size_t layer, std::size_t expert, std::size_t domain) {
            return ((layer * 4 + expert) * 2 + domain) * 8 + 4;  // all choices, prompt, count
        };
        report.load.assign(2 * 4 * 2 * 8, 0.0F);
        for (std::size_t layer = 0; layer < 2; ++layer)
            for (std::size_t expert = 0; expert < 4; ++expert)
                for (std::size_t domain = 0; domain < 2; ++domain)
                    report.load[record(layer, expert, domain)] =
                        static_cast<float>(domain == 1 && m_secondDomain ? (*m_secondDomain)[layer][expert]
                                                                         : counts[layer][expert]);
        const float full = static_cast<float>(std::log(4.0));
        for (int layer = 0; layer < 2; ++layer)
            for (const float value : {0.4F, 0.1F, tokenEntropy * full, 0.0F, 1.0F})
                report.perLayer.push_back(value);
        StepMetrics metrics{.step = step, .loss = loss, .balance = balance};
        m_monitor.add(report, metrics);
        return m_watch.add(metrics, &m_monitor, true);
    }
    static std::vector<std::string> kinds(const std::vector<Alarm>& alarms) {
        std::vector<std::string> result;
        for (const Alarm& alarm : alarms)
            result.push_back(alarm.kind);
        return result;
    }
    const std::vector<std::vector<double>> m_even{{25, 25, 25, 25}, {25, 25, 25, 25}};
    std::optional<std::vector<std::vector<double>>> m_secondDomain;
    RoutingMonitor m_monitor{
        MoeConfig{.experts = 4, .topK = 2, .adapterSize = 8, .scaling = 1, .layers = {3, 7}}, {"a", "b"}};
    AlarmWatch m_watch{0, 100};  // a window of 20 steps
};

TEST_F(AlarmTest, WindowsFitTheLengthOfTheRun) {
    EXPECT_EQ(AlarmWatch::windowOf(60), 20);
    EXPECT_EQ(AlarmWatch::windowOf(500), 100);
    EXPECT_EQ(AlarmWatch::windowOf(100000), 200);
}

TEST_F(AlarmTest, AnEvenRunIsQuiet) {
    for (StepIndex at = 1; at <= 100; ++at)
        ASSERT_TRUE(step(at, m_even, usualLoss(at), 1.0 + 0.001 * std::sin(static_cast<double>(at))).empty())
            << at;
}

TEST_F(AlarmTest, ADeadExpertIsToldOnceAndOnlyIfNoDomainUsesIt) {
    const std::vector<std::vector<double>> dead{{25, 25, 25, 25}, {40, 40, 0.5, 40}};
    m_secondDomain = m_even;  // there it works
    for (StepIndex at = 1; at <= 40; ++at)
        ASSERT_TRUE(step(at, dead, 1, 1.0 + 0.001 * static_cast<double>(at)).empty()) << at;
    m_secondDomain.reset();
    for (StepIndex at = 41; at <= 59; ++at)
        ASSERT_TRUE(step(at, dead, 1, 1.0 + 0.001 * static_cast<double>(at)).empty()) << at;
    const auto told = step(60, dead, 1, 1.06);
    ASSERT_EQ(kinds(told), std::vector<std::string>{"dead_expert"});
    EXPECT_EQ(told[0].layer, 7);
    EXPECT_EQ(told[0].expert, 2);
    EXPECT_EQ(told[0].since, 41);
    for (StepIndex at = 61; at <= 90; ++at)
        ASSERT_TRUE(step(at, dead, 1, 1.0 + 0.001 * static_cast<double>(at)).empty()) << at;
    const AlarmText text = describe(told[0], {.step = 60});
    EXPECT_EQ(text.title, "Layer 7 has a dead expert.");
    EXPECT_EQ(text.text,
              "Expert 2 got under a tenth of its share in every domain for 20 steps; it does not learn.");
}

TEST_F(AlarmTest, AllOnTwoExpertsIsACollapseAndALean) {
    const std::vector<std::vector<double>> collapsed{{97, 1, 1, 1}, {25, 25, 25, 25}};
    std::vector<Alarm> all;
    for (StepIndex at = 1; at <= 20; ++at)
        for (const Alarm& alarm : step(at, collapsed, 1, 2.0 + 0.01 * static_cast<double>(at)))
            all.push_back(alarm);
    // 97 % of the choices of a layer: MaxVio 2.9; the others got 1 %, under a tenth of a quarter
    EXPECT_EQ(kinds(all), (std::vector<std::string>{"imbalance", "few_experts", "dead_expert", "dead_expert",
                                                    "dead_expert"}));
    EXPECT_EQ(all[1].layer, 3);
    EXPECT_LT(all[1].value, 3);
}

TEST_F(AlarmTest, RoutersThatDoNotDecideAndABalanceThatStandsStill) {
    std::vector<std::string> all;
    for (StepIndex at = 1; at <= 21; ++at)
        for (const std::string& kind : kinds(step(at, m_even, 1, 1.0, 0.999F)))
            all.push_back(kind);
    EXPECT_EQ(all, (std::vector<std::string>{"undecided_router", "undecided_router", "constant_balance"}));
}

TEST_F(AlarmTest, ZeroLossAndSpikesAreToldAtOnce) {
    for (StepIndex at = 1; at <= 15; ++at)
        ASSERT_TRUE(step(at, m_even, 1, 1.0 + 0.001 * static_cast<double>(at)).empty());
    EXPECT_EQ(kinds(step(16, m_even, 0, 1.1)), std::vector<std::string>{"zero_loss"});
    EXPECT_EQ(kinds(step(17, m_even, 8, 1.2)), std::vector<std::string>{"spike"});
    EXPECT_TRUE(m_watch.loss().spike);
    EXPECT_TRUE(step(18, m_even, 8, 1.1).empty());  // told already
    EXPECT_TRUE(step(19, m_even, 1, 1.2).empty());
    EXPECT_EQ(kinds(step(20, m_even, 8, 1.1)), std::vector<std::string>{"spike"});
}

TEST(AlarmWords, EveryKindHasATitleATextAndARemedy) {
    for (const AlarmTemplate& row : alarmTemplates()) {
        const AlarmText text =
            describe({.step = 12, .kind = row.kind, .layer = 3, .expert = 5, .value = 2.5, .since = 10},
                     {.experts = 8, .step = 30, .back = 9});
        for (const std::string& part : {text.title, text.text, text.remedy}) {
            EXPECT_FALSE(part.empty()) << row.kind;
            EXPECT_EQ(part.find('{'), std::string::npos) << part;
        }
    }
    EXPECT_EQ(describe({.step = 12, .kind = "not_a_number", .since = 10}, {.step = 9, .back = 9}).text,
              "the loss was not a number in 3 steps in a row. Weights are those of step 9.");
    EXPECT_EQ(describe({.step = 4, .kind = "from_the_future", .since = 4}).title, "Alarm at step 4.");
}

}  // namespace
}  // namespace caravan::engine::train
