// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/api/routing_figures.h"
#include "tests/support/run_fixture.h"
#include "tests/support/window_fixture.h"
#include "ui/pages/routing/load_map.h"

using namespace caravan;
using namespace caravan::ui;
using test::RunStory;

namespace {

// Two experts, one layer, one domain: numbers by hand.
engine::RoutingRecord tiny(std::vector<float> firstPrompt, std::vector<float> allPrompt,
                           std::vector<float> firstAnswer, std::vector<float> allAnswer) {
    engine::RoutingRecord record;
    record.layers = {5};
    record.experts = static_cast<std::int64_t>(firstPrompt.size());
    record.topK = 2;
    record.domains = {"d"};
    record.values.assign(firstPrompt.size() * 8, 0);
    for (std::size_t e = 0; e < firstPrompt.size(); ++e) {
        record.values[record.index(0, e, 0, 0, 0, 0)] = firstPrompt[e];
        record.values[record.index(0, e, 0, 1, 0, 0)] = allPrompt[e];
        record.values[record.index(0, e, 0, 0, 1, 0)] = firstAnswer[e];
        record.values[record.index(0, e, 0, 1, 1, 0)] = allAnswer[e];
    }
    return record;
}

}  // namespace

// The arithmetic behind the Routing page, by hand.
class TestRoutingView : public QObject {
    Q_OBJECT
  public:
    explicit TestRoutingView(test::Sandbox&) {}

  private Q_SLOTS:
    void loadIsCountOverTheEvenShare() {
        // 10 tokens, k = 2: 20 choices, the even share of four experts is 5.
        const auto record = tiny({4, 0, 0, 0}, {5, 1, 2, 0}, {3, 3, 0, 0}, {6, 4, 2, 0});
        const RoutingView view = viewOf(record, {});
        QCOMPARE(view.load, (std::vector<float>{2.2F, 1.0F, 0.8F, 0.0F}));
        QCOMPARE(view.tokens, 10.0);
        QVERIFY(std::abs(view.statistics[0].maxVio - 1.2) < 1e-9);
        const double entropy = -(0.55 * std::log(0.55) + 0.25 * std::log(0.25) + 0.2 * std::log(0.2));
        QVERIFY(std::abs(view.statistics[0].entropy - entropy / std::log(4.0)) < 1e-9);
        QVERIFY(std::abs(view.effectiveMean - std::exp(entropy)) < 1e-9);
        QCOMPARE(view.statistics[0].busiest, 0);
        QCOMPARE(view.dead, (std::vector<char>{0, 0, 0, 1}));
        QCOMPARE(view.deadCount, 1);
        QCOMPARE(deadSentence(view), QStringLiteral("Hatched: E3 in layer 5 is dead."));
    }

    void variationIsOfTheShares() {
        QCOMPARE(engine::variationOf({0.25, 0.25, 0.25, 0.25}), 0.0);
        QCOMPARE(engine::variationOf({1, 0, 0, 0}), std::sqrt(3.0));
        QCOMPARE(engine::variationOf({0.75, 0.25}), 0.5);  // sd 0.25 of the mean 0.5
        QVERIFY(std::isnan(engine::variationOf({})));
        QVERIFY(std::isnan(engine::variationOf({NAN, NAN})));
        QCOMPARE(engine::meanOf({1, NAN, 2}), 1.5);
        QVERIFY(std::isnan(engine::meanOf({NAN})));
    }

    void filtersCutTheSum() {
        const auto record = tiny({4, 0, 0, 0}, {5, 1, 2, 0}, {3, 3, 0, 0}, {6, 4, 2, 0});
        RoutingFilter filter;
        filter.role = RoutingRole::Prompt;
        QCOMPARE(viewOf(record, filter).load, (std::vector<float>{2.5F, 0.5F, 1.0F, 0.0F}));
        filter.choice = RoutingChoice::First;
        QCOMPARE(viewOf(record, filter).load, (std::vector<float>{4.0F, 0.0F, 0.0F, 0.0F}));
        filter.choice = RoutingChoice::Later;
        QCOMPARE(viewOf(record, filter).load, (std::vector<float>{1.0F, 1.0F, 2.0F, 0.0F}));
        filter = {};
        filter.measure = RoutingMeasure::GateWeight;  // none were summed
        QVERIFY(std::isnan(viewOf(record, filter).load[0]));
        QCOMPARE(viewOf(record, filter).worstLayer, -1);
    }

    void everyDomainMustStarveADeadExpert() {
        RunStory story;
        story.deadLayer = 2;
        story.deadExpert = 1;
        engine::RoutingRecord record = story.record(20, 20);
        QCOMPARE(viewOf(record, {}).dead[9], char(1));
        for (int choice = 0; choice < 2; ++choice)
            record.values[record.index(2, 1, 0, choice, 1, 0)] = 400;  // lives in one domain
        QCOMPARE(viewOf(record, {}).dead[9], char(0));
    }

    void denseLayersAreRowsOfTheirOwn() {
        auto record = tiny({1, 1}, {2, 2}, {0, 0}, {0, 0});
        const RoutingView view = viewOf(record, {});
        const auto data = mapData(view, 8);
        QCOMPARE(data.rows, 8);
        QCOMPARE(int(data.plainRows[5]), 0);
        QCOMPARE(int(data.plainRows[4]), 1);
        QCOMPARE(viewLayer(view, 5, 8), 0);
        QCOMPARE(viewLayer(view, 4, 8), -1);
        QCOMPARE(mapData(view).rows, 1);
    }
};

CARAVAN_UI_TEST_MAIN(TestRoutingView)
#include "tst_routing_view.moc"
