// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <span>

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

// ids and labels [1, length] of one number each.
std::string writeProbe(const TemporaryFolder& folder, std::int64_t length, std::int64_t label) {
    const std::string path = (folder / "probe.safetensors").string();
    auto writer = unwrap(SafetensorsWriter::create(
        path, {{"input_ids", {1, length}, DType::I64}, {"labels", {1, length}, DType::I64}}));
    for (const auto& [name, value] : {std::pair{"input_ids", std::int64_t{7}}, std::pair{"labels", label}}) {
        const std::vector<std::int64_t> values(static_cast<std::size_t>(length), value);
        unwrap(writer.write(name, std::as_bytes(std::span(values))));
    }
    unwrap(writer.finish(SafetensorsWriter::Sync::No));
    return path;
}

TEST(ProbeInput, MayBeLongerThanTheModelsPositions) {
    const auto engine = makeEngine({.device = "cpu", .threads = 1});
    TemporaryFolder temporary;
    const std::string out = (temporary / "out.safetensors").string();
    const std::string model = (testData() / "hf/yi_like").string();
    ASSERT_TRUE(succeeded(engine->probe({.path = model}, {writeProbe(temporary, 300, 9), out, false}, {})));
    EXPECT_EQ(Golden(std::filesystem::path(out))["logits"].size(1), 300);
}

TEST(ProbeInput, OnlyMinus100SaysNotTrained) {
    const auto engine = makeEngine({.device = "cpu", .threads = 1});
    TemporaryFolder temporary;
    const std::string out = (temporary / "out.safetensors").string();
    const std::string model = (testData() / "hf/yi_like").string();
    EXPECT_TRUE(succeeded(engine->probe({.path = model}, {writeProbe(temporary, 4, -100), out, false}, {})));
    const auto odd = engine->probe({.path = model}, {writeProbe(temporary, 4, -5), out, false}, {});
    ASSERT_FALSE(odd);
    EXPECT_EQ(odd.error().parameter("place"), "labels");
}

}  // namespace
}  // namespace caravan::engine
