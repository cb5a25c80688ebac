// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/app/cli/cli_fixture.h"

namespace caravan::cli::testing {
namespace {

TEST_F(Cli, BenchPutsAFigureBesideItsCeiling) {
    const Outcome done =
        run({"bench", "c2", "--device", "cpu", "--threads", "1", "--model", model(), "--json"});
    ASSERT_EQ(done.code, 0) << done.err;
    const auto figures = done.of("bench");
    ASSERT_EQ(figures.size(), 1u);
    const json& figure = figures[0];
    EXPECT_EQ(figure["row"], "C2");
    EXPECT_EQ(figure["unit"], "tokens/s");
    EXPECT_GT(figure["value"].get<double>(), 0);
    EXPECT_LE(figure["lowest"].get<double>(), figure["value"].get<double>());
    EXPECT_GE(figure["highest"].get<double>(), figure["value"].get<double>());
    EXPECT_GT(figure["share"].get<double>(), 0);
    EXPECT_GT(figure["ceiling"].get<double>(), 0);
    EXPECT_EQ(figure["ceiling_unit"], "GB/s");
    EXPECT_EQ(done.of("summary").at(0)["figures"], 1);
}

TEST_F(Cli, BenchSaysWhatItHasAndWhatIsMissing) {
    const Outcome list = run({"bench", "--list", "--json"});
    ASSERT_EQ(list.code, 0) << list.err;
    const auto rows = list.of("row");
    const auto gpuRow = std::ranges::find_if(rows, [](const json& row) { return row["row"] == "B5"; });
    ASSERT_NE(gpuRow, rows.end());
    EXPECT_EQ((*gpuRow)["gpu"], true);

    const Outcome unknown = run({"bench", "B99", "--device", "cpu"});
    EXPECT_EQ(unknown.code, 2);
    EXPECT_NE(unknown.err.find("C1"), std::string::npos) << unknown.err;

    // A GPU's row where the CPU was asked for: nothing is measured, and the reason is there.
    const Outcome gpu = run({"bench", "C2", "B5", "--device", "cpu", "--json"});
    EXPECT_EQ(gpu.code, 1);
    EXPECT_TRUE(gpu.of("bench").empty());
    EXPECT_NE(gpu.err.find("B5"), std::string::npos) << gpu.err;
    EXPECT_EQ(gpu.of("error").at(0)["code"], "unsupported");

    const Outcome model = run({"bench", "C2", "--device", "cpu", "--model", (folder / "none").string()});
    EXPECT_EQ(model.code, 3) << model.err;
}

// Ctrl-C ends it between two repeats.
TEST_F(Cli, BenchIsCancelled) {
    const pid_t child = start({"bench", "C1", "--device", "cpu", "--threads", "1", "--model", model()},
                              folder / "out", folder / "err");
    usleep(1500000);
    kill(child, SIGINT);
    EXPECT_EQ(join(child), 5) << readText(folder / "err");
}

}  // namespace
}  // namespace caravan::cli::testing
