// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/app/cli/cli_fixture.h"
#include "tests/support/tuned_copy.h"

namespace caravan::cli::testing {
namespace {

class ApproximationCommand : public Cli {
  protected:
    [[nodiscard]] static std::string base() { return CARAVAN_SOURCE_DIR "/tests/data/models/stories260k"; }
    [[nodiscard]] std::string tuned() const {
        const fs::path to = folder / "tuned";
        if (!fs::exists(to)) test::writeTunedCopy(base(), to, test::louder);
        return to;
    }
    [[nodiscard]] Outcome measure(const std::string& other, const std::vector<std::string>& more) const {
        std::vector<std::string> words = {"approximation", base(),      other, "--device",
                                          "cpu",           "--threads", "1"};
        words.insert(words.end(), more.begin(), more.end());
        return run(words);
    }
};

TEST_F(ApproximationCommand, TellsTheErrorByLayerAndWidth) {
    const std::vector<std::string> words = {
        "--data", rows("math.heldout"), "--widths", "0,4,32", "--layers", "1,last", "--max-tokens",
        "1200",   "--max-steps",        "200",      "--json"};
    const Outcome o = measure(tuned(), words);
    ASSERT_EQ(o.code, 0) << o.err;
    const json found = o.lines().at(0);
    ASSERT_EQ(found["layers"].size(), 2u);
    EXPECT_EQ(found["layers"][1]["layer"], 4);
    EXPECT_GE(found["fitted_tokens"].get<int>() + found["held_out_tokens"].get<int>(), 1200);
    for (const json& layer : found["layers"]) {
        EXPECT_NEAR(layer["change"].get<double>(), 0.25, 1e-3);  // 1.5 F less F, squared
        ASSERT_EQ(layer["fits"].size(), 3u);
        EXPECT_EQ(layer["fits"][0]["xi"], 1.0);
        EXPECT_LT(layer["fits"][1]["xi"], 1.0);
        EXPECT_LT(layer["fits"][2]["xi"], layer["fits"][1]["xi"]);
        EXPECT_EQ(layer["fits"][2]["steps"], 200);
        EXPECT_EQ(layer["fits"][2]["settled"], false);
    }
    EXPECT_EQ(json::parse(measure(tuned(), words).out)["layers"][0]["fits"][1]["xi"],
              found["layers"][0]["fits"][1]["xi"])
        << "the same seed, the same figures";
    std::vector<std::string> plain(words.begin(), words.end() - 1);
    const Outcome table = measure(tuned(), plain);
    EXPECT_EQ(table.code, 0);
    for (const char* part : {"0 = the tuned FFN", "no adapter", "steps ran out, falling", "linear"})
        EXPECT_NE(table.out.find(part), std::string::npos) << table.out;
}

TEST_F(ApproximationCommand, RefusesWhatCannotBeMeasured) {
    Outcome o = measure(base(), {"--data", small(), "--max-steps", "10", "--json"});
    EXPECT_EQ(o.code, 3);
    EXPECT_EQ(o.of("error").at(0)["code"], "model_unsupported");
    EXPECT_NE(o.err.find("nothing to approximate"), std::string::npos) << o.err;
    o = measure(model(), {"--data", small()});
    EXPECT_EQ(o.code, 3);
    EXPECT_NE(o.err.find("8 layers, 384 wide"), std::string::npos) << o.err;
    EXPECT_EQ(measure(tuned(), {}).code, 2) << "no rows";
    EXPECT_EQ(measure(tuned(), {"--data", small(), "--widths", "4,x"}).code, 2);
    EXPECT_EQ(measure(tuned(), {"--data", small(), "--layers", "9"}).code, 2);
    EXPECT_EQ(measure(tuned(), {"--data", small(), "--max-steps", "0"}).code, 2);
    EXPECT_NE(measure((folder / "none").string(), {"--data", small()}).code, 0);
}

}  // namespace
}  // namespace caravan::cli::testing
