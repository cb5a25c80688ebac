// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/plan/fits.h"

#include <gtest/gtest.h>

#include <map>

namespace caravan::engine {
namespace {

DeviceStatus device(bool cuda) {
    DeviceStatus status;
    status.name = cuda ? "a card" : "CPU, 2 cores";
    status.cuda = cuda;
    status.memoryTotal = Bytes{24} << 30;
    status.memoryUsed = Bytes{1} << 30;
    return status;
}

// Parameters as published with the models.
TEST(Fits, KnownModelsHaveTheirPublishedSizes) {
    const std::map<std::string, std::int64_t> published = {
        {"TinyLlama 1.1B", 1100048384}, {"Llama 3.2 3B", 3212749824}, {"Llama 2 7B", 6738415616},
        {"Llama 3 8B", 8030261248},     {"Llama 2 13B", 13015864320}, {"Qwen2.5 14B", 14770033664},
        {"Yi 34B", 34388917248},        {"Llama 2 70B", 68976648192}};
    ASSERT_EQ(knownModels().size(), published.size());
    for (const KnownModel& model : knownModels())
        EXPECT_EQ(countParameters(model.config).dense(), published.at(model.name)) << model.name;
}

TEST(Fits, HasThePlansNumbers) {
    const FitTable table = fitTable(device(true)).value();
    EXPECT_EQ(table.memoryFree, Bytes{23} << 30);
    ASSERT_EQ(table.settings.size(), 4u);
    ASSERT_EQ(table.settings[1].key, "pesc");
    Recipe recipe;  // the defaults: PESC, 8 experts, top 2, NF4
    recipe.tune.sequenceLength = kFitRowTokens;
    const FitRow& row = table.rows.at(2);
    EXPECT_EQ(row.model, "Llama 2 7B");
    const auto plan = planRun(recipe, knownModels()[2].config, nullptr, DeviceKind::Cuda);
    EXPECT_EQ(row.needed.at(1), plan->memoryTotal);
    EXPECT_LT(row.needed[0], row.needed[1]);  // experts cost
    EXPECT_LT(row.needed[2], row.needed[1]);  // 8-bit means cost less
    EXPECT_GT(row.needed[3], row.needed[1]);  // two bytes a weight cost more
    for (const FitRow& small : table.rows)
        for (const FitRow& large : table.rows)
            if (large.parameters > small.parameters * 3 / 2)
                EXPECT_GT(large.needed[1], small.needed[1]) << large.model << " and " << small.model;
}

TEST(Fits, IsOfTheDeviceAndTravelsAsJson) {
    const FitTable cpu = fitTable(device(false)).value(), card = fitTable(device(true)).value();
    EXPECT_NE(cpu.rows[2].needed, card.rows[2].needed);
    const FitTable back = nlohmann::json::parse(nlohmann::json(card).dump()).get<FitTable>();
    EXPECT_EQ(nlohmann::json(back), nlohmann::json(card));
    nlohmann::json torn = card;
    torn["models"][0]["needed_bytes"] = {1, 2};
    EXPECT_THROW((void)torn.get<FitTable>(), nlohmann::json::exception);
}

}  // namespace
}  // namespace caravan::engine
