// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/app/cli/cli_fixture.h"
#include "tests/support/reference_run_fixture.h"

namespace caravan::cli::testing {
namespace {

TEST_F(Cli, ImportsARunOfTheReleasedCode) {
    const fs::path golden = CARAVAN_TEST_DATA "/hf/lora_camelidae";
    const auto fixture = caravan::test::makeReferenceRun(golden, folder);
    std::vector<std::string> words = {"import",    fixture.run,
                                      "--out",     folder / "imported",
                                      "--top-k",   std::to_string(fixture.topK),
                                      "--scaling", std::to_string(fixture.scaling),
                                      "--json",    "--device",
                                      "cpu",       "--threads",
                                      "1"};
    Outcome o = run({"inspect", fixture.run, "--json"});
    ASSERT_EQ(o.code, 0) << o.err;
    EXPECT_EQ(o.lines().at(0)["kind"], "reference_run");
    EXPECT_TRUE(fs::equivalent(o.lines()[0]["base"].get<std::string>(), fixture.base));
    EXPECT_NE(o.lines()[0]["reasons"][0].get<std::string>().find("import it"), std::string::npos);
    o = run(words);
    ASSERT_EQ(o.code, 0) << o.err;
    EXPECT_EQ(o.lines().at(0)["kind"], "moe");
    EXPECT_EQ(o.lines()[0]["format"], "camelidae");
    EXPECT_LT(o.lines()[0]["max_abs_logit_difference"].get<double>(), 1e-5);
    const json config = json::parse(readText(folder / "imported/config.json"));
    EXPECT_EQ(config["topk"], fixture.topK);
    EXPECT_EQ(config["moe_scaling"], fixture.scaling);
    EXPECT_EQ(config["num_experts"], 8);
    EXPECT_EQ(run(words).code, 2) << "it exists";

    // Its base is not there: which option says it. A file that would run something: bad input.
    words[3] = folder / "again";
    fs::rename(fixture.base, folder / "moved");
    o = run(words);
    EXPECT_EQ(o.code, 2);
    EXPECT_NE(o.err.find("--base"), std::string::npos) << o.err;
    words.insert(words.end(), {"--base", folder / "moved"});
    EXPECT_EQ(run(words).code, 0);
    words[3] = folder / "evil";
    std::ofstream(fixture.run / "moe_model.bin", std::ios::binary)
        << caravan::test::zipOf({{"a/data.pkl",
                                  "\x80\x02"
                                  "cos\nsystem\n(" +
                                      caravan::test::unicode("id") + "tR."}});
    o = run(words);
    EXPECT_EQ(o.code, 3);
    EXPECT_NE(o.err.find("os system"), std::string::npos) << o.err;
    EXPECT_FALSE(fs::exists(folder / "evil"));
}

}  // namespace
}  // namespace caravan::cli::testing
