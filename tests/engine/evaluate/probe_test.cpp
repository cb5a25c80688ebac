// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/engine_fixture.h"
#include "tests/support/golden.h"

namespace caravan::engine {
namespace {

struct ProbeCase {
    const char* name;   // golden file's folder
    const char* model;  // below it
    bool backward;
};

class Probe : public ::testing::TestWithParam<ProbeCase> {};

// Logits, loss, router logits and every gradient of reference checkpoints, through the engine's own door.
TEST_P(Probe, GivesTheReferenceFigures) {
    const auto [name, below, backward] = GetParam();
    const auto folder = testData() / "hf" / name;
    TemporaryFolder temporary;
    const std::string out = (temporary / "out.safetensors").string();
    const auto engine = makeEngine({.device = "cpu", .threads = 1});
    ASSERT_TRUE(succeeded(engine->probe({.path = (folder / below).string()},
                                        {(folder / "golden.safetensors").string(), out, backward}, {})));
    const Golden wanted(folder / "golden.safetensors"), got{std::filesystem::path(out)};
    int compared = 0;
    for (const auto& key : wanted.names()) {
        if (key == "input_ids" || key == "labels") continue;
        if (!backward && key.starts_with("grad.")) continue;
        ASSERT_TRUE(got.has(key)) << key;
        EXPECT_EQ(got[key].sizes(), wanted[key].sizes()) << key;
        // Sums of some hundred terms in fp32, in another order.
        EXPECT_LT(relativeError(got[key], wanted[key]), key.starts_with("grad.") ? 1e-3 : 1e-4) << key;
        ++compared;
    }
    for (const auto& key : got.names())
        EXPECT_TRUE(wanted.has(key)) << key << " is not in the reference";
    EXPECT_GE(compared, backward ? 20 : 1);
}

INSTANTIATE_TEST_SUITE_P(
    Families, Probe,
    ::testing::Values(ProbeCase{"llama2", "", false}, ProbeCase{"llama31_scaled", "", false},
                      ProbeCase{"llama_gqa_tied", "", false}, ProbeCase{"llama_linear_scaled", "", false},
                      ProbeCase{"yi_like", "", false}, ProbeCase{"mistral_sw", "", false},
                      ProbeCase{"qwen2_bias", "", false}, ProbeCase{"qwen3_qknorm", "", false},
                      ProbeCase{"camelidae_8e_top2", "", true}, ProbeCase{"camelidae_6e_top3", "", true},
                      ProbeCase{"sparsetral_8e_top2", "", true}, ProbeCase{"lora_dense", "adapter", true},
                      ProbeCase{"lora_camelidae", "adapter", true}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ProbeErrors, NothingTrainableOrNoLabelsIsWrongUsage) {
    const auto engine = makeEngine({.device = "cpu", .threads = 1});
    TemporaryFolder temporary;
    const std::string out = (temporary / "out.safetensors").string();
    const auto dense =
        engine->probe({.path = (testData() / "hf/yi_like").string()},
                      {(testData() / "hf/camelidae_8e_top2/golden.safetensors").string(), out, true}, {});
    ASSERT_FALSE(dense);
    EXPECT_EQ(exitCode(dense.error()), 2);
    const auto unlabelled =
        engine->probe({.path = (testData() / "hf/camelidae_8e_top2").string()},
                      {(testData() / "hf/yi_like/golden.safetensors").string(), out, true}, {});
    ASSERT_FALSE(unlabelled);
    EXPECT_EQ(exitCode(unlabelled.error()), 2);
    EXPECT_FALSE(std::filesystem::exists(out));
}

}  // namespace
}  // namespace caravan::engine
