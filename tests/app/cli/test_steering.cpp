// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/app/cli/cli_fixture.h"

#include <algorithm>
#include <cmath>

namespace caravan::cli::testing {
namespace {

class Steering : public Cli {
  protected:
    [[nodiscard]] Outcome chat(const std::vector<std::string>& more) const {
        std::vector<std::string> words = {"chat",         (folder / "p/runs/0001").string(),
                                          "--prompt",     "What is 2 and 3?",
                                          "--seed",       "7",
                                          "--device",     "cpu",
                                          "--threads",    "1",
                                          "--max-tokens", "8",
                                          "--json"};
        words.insert(words.end(), more.begin(), more.end());
        return run(words);
    }
    // How often an expert was chosen in an answer, over all layers; and choices per layer.
    static std::pair<int, std::size_t> chosen(const std::vector<json>& lines, int expert) {
        int count = 0;
        std::size_t k = 0;
        for (const json& line : lines)
            if (line.contains("experts"))
                for (const auto& layer : line["experts"]) {
                    k = layer.size();
                    count += static_cast<int>(std::count(layer.begin(), layer.end(), json(expert)));
                }
        return {count, k};
    }
};

TEST_F(Steering, MuteForceBiasAndKBendTheRouter) {
    ASSERT_EQ(run(tune(3, {"--set", "tune.warmup_ratio=0"})).code, 0);
    const Outcome plain = chat({});
    ASSERT_EQ(plain.code, 0) << plain.err;
    EXPECT_EQ(chosen(plain.lines(), 0).second, 2u);
    EXPECT_EQ(chat({}).out.substr(0, plain.out.rfind("\n{")), plain.out.substr(0, plain.out.rfind("\n{")));
    const Outcome muted = chat({"--mute", "1"});
    ASSERT_EQ(muted.code, 0) << muted.err;
    EXPECT_GT(chosen(plain.lines(), 1).first, 0);
    EXPECT_EQ(chosen(muted.lines(), 1).first, 0);
    const Outcome one = chat({"--k", "1", "--force", "3"});
    EXPECT_EQ(chosen(one.lines(), 3).second, 1u);
    for (const json& line : one.lines())
        if (line.contains("experts"))
            for (const auto& layer : line["experts"])
                EXPECT_EQ(layer, json({3}));
    const Outcome biased = chat({"--bias", "2@0=50"});
    for (const json& line : biased.lines())
        if (line.contains("experts")) EXPECT_EQ(line["experts"][0][0], 2);

    const Outcome compared = chat({"--mute", "1", "--mute", "0@2", "--compare"});
    ASSERT_EQ(compared.code, 0) << compared.err;
    const json change = compared.of("change").at(0);
    double sum = 0;
    for (const json& token : change["tokens"]) {
        sum += token["change"].get<double>();
        EXPECT_NEAR(token["logprob_changed"].get<double>() - token["logprob"].get<double>(),
                    token["change"].get<double>(), 1e-9);
    }
    ASSERT_GT(change["tokens"].size(), 0u);
    EXPECT_NEAR(change["mean_change"].get<double>(), sum / static_cast<double>(change["tokens"].size()),
                1e-9);
    EXPECT_NE(change["mean_change"], 0.0);
    std::size_t plainTokens = 0;
    for (const json& line : compared.lines())
        if (line.value("answer", "") == "plain" && line.contains("id")) {
            // The reading of the same answer without a change is the answer's own.
            EXPECT_NEAR(line["logprob"].get<double>(),
                        change["tokens"][plainTokens++]["logprob"].get<double>(), 1e-3);
        }
    EXPECT_EQ(plainTokens, change["tokens"].size());
}

TEST_F(Steering, WrongWordsAreUsage) {
    for (const std::vector<std::string>& more : std::vector<std::vector<std::string>>{{"--mute", "x"},
                                                                                      {"--mute", "1@"},
                                                                                      {"--bias", "1"},
                                                                                      {"--bias", "1=warm"},
                                                                                      {"--k", "0"},
                                                                                      {"--compare"}}) {
        std::vector<std::string> words = {"chat", model(), "--prompt", "x"};
        words.insert(words.end(), more.begin(), more.end());
        const Outcome o = run(words);
        EXPECT_EQ(o.code, 2) << more.front() << o.err;
    }
    // A dense model has no experts to mute.
    const Outcome dense = run({"chat", model(), "--prompt", "x", "--mute", "1", "--device", "cpu"});
    EXPECT_NE(dense.code, 0);
    EXPECT_NE(dense.err.find("a model with experts"), std::string::npos) << dense.err;
}

}  // namespace
}  // namespace caravan::cli::testing
