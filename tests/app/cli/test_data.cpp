// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/app/cli/cli_fixture.h"

namespace caravan::cli::testing {
namespace {

TEST_F(Cli, DataTellsFormatProblemsAndFirstBatch) {
    const fs::path file = folder / "rows.csv";
    std::ofstream(file)
        << "question,answer\nWhat is 1 and 1?,It is 2.\nNothing follows,\n\"Two\nlines\",Yes\n";
    const Outcome o =
        run({"data", "--model", model(), "--data", file.string() + ",name=sums", "--batch", "--json"});
    ASSERT_EQ(o.code, 0) << o.err;
    ASSERT_EQ(o.lines().size(), 1u);
    const json report = o.lines()[0];
    ASSERT_EQ(report["files"].size(), 1u);
    EXPECT_EQ(report["files"][0]["name"], "sums");
    EXPECT_EQ(report["files"][0]["rejected"], 1);
    ASSERT_EQ(report["problems"].size(), 1u);
    EXPECT_EQ(report["problems"][0]["line"], 3);
    EXPECT_FALSE(report["first_batch"].empty());
    const Outcome words =
        run({"data", "--model", model(), "--data", file.string() + ",name=sums", "--batch"});
    EXPECT_EQ(words.code, 0) << words.err;
    EXPECT_NE(words.out.find("rejected 1"), std::string::npos) << words.out;
    EXPECT_NE(words.out.find("It is 2."), std::string::npos) << words.out;
    EXPECT_EQ(run({"data", "--model", model()}).code, 2);
}

}  // namespace
}  // namespace caravan::cli::testing
