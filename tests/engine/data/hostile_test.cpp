// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// Odd and hostile data files, made here: each costs what is wrong with it, says so in words with its place,
// and leaves the rest usable.

#include "engine/data/row_file.h"
#include "tests/engine/data/data_fixtures.h"
#include "tests/support/hostile_files.h"

namespace caravan::engine {
namespace {

using test::TemporaryFolder;
using namespace std::string_literals;

using test::Case;
using test::kGood;

TEST(HostileFiles, EachSaysWhatIsWrongAndTheRestIsRead) {
    const TemporaryFolder folder;
    std::size_t count = 0;
    for (const auto& cases : test::hostileFiles())
        for (const Case& c : cases) {
            ++count;
            const auto file = readRows(folder.write(c.name, c.text), c.columns);
            if (!file) {
                EXPECT_EQ(file.error().code, ErrorCode::FileBad) << c.name;
                EXPECT_EQ(c.rows, 0) << c.name;
                EXPECT_FALSE(c.said.empty()) << c.name << ": " << file.error().parameter("detail");
                EXPECT_NE(file.error().parameter("detail").find(c.said), std::string::npos)
                    << c.name << ": " << file.error().parameter("detail");
                continue;
            }
            if (c.rows >= 0) {
                EXPECT_EQ(static_cast<std::int64_t>(file->rows.size()), c.rows) << c.name;
            } else {
                EXPECT_LT(file->rows.size(), 5u) << c.name;
            }
            if (c.line > 0) {
                ASSERT_EQ(file->problems.size(), 1u) << c.name;
                EXPECT_EQ(file->problems[0].line, c.line) << c.name << ": " << file->problems[0].reason;
            }
            EXPECT_EQ(file->problemCount, static_cast<std::int64_t>(file->problems.size())) << c.name;
            EXPECT_EQ(c.said.empty(), file->problems.empty())
                << c.name << (file->problems.empty() ? "" : ": " + file->problems[0].reason);
            bool said = c.said.empty();
            std::string all;
            for (const RowProblem& problem : file->problems) {
                EXPECT_GT(problem.line, 0) << c.name;
                EXPECT_FALSE(problem.reason.empty()) << c.name;
                EXPECT_LT(problem.reason.size(), 600u) << c.name;
                said = said || problem.reason.find(c.said) != std::string::npos;
                if (all.size() < 500) all += problem.reason + "; ";
            }
            EXPECT_TRUE(said) << c.name << ": " << all;
        }
    EXPECT_GE(count, 100u);
}

// A bad row costs itself alone, and its line is told exactly: wherever it stands, however lines end.
TEST(HostileFiles, TheLineIsExactWhereverItStands) {
    const TemporaryFolder folder;
    std::size_t count = 0;
    for (const auto& cases : {test::jsonLineCases(), test::messageCases()})
        for (const Case& c : cases) {
            const std::string bad = c.text.substr(kGood.size() + 1, c.text.size() - 2 * kGood.size() - 3);
            if (bad.size() > 100'000) continue;  // long ones are tried once, above
            for (const std::int64_t place : {1, 4, 7})
                for (const std::string& end : {"\n"s, "\r\n"s})
                    for (const std::string& mark : {""s, "\xEF\xBB\xBF"s}) {
                        std::string text = mark;
                        for (std::int64_t i = 1; i <= 7; ++i)
                            text += (i == place ? bad : kGood) + end;
                        const auto file = readRows(folder.write("rows.jsonl", text));
                        const std::string name =
                            c.name + " in line " + std::to_string(place) + (end.size() > 1 ? ", CR" : "");
                        ASSERT_TRUE(file) << name << ": " << file.error().parameter("detail");
                        EXPECT_EQ(file->rows.size(), 6u) << name;
                        ASSERT_EQ(file->problems.size(), 1u) << name;
                        EXPECT_EQ(file->problems[0].line, place) << name;
                        EXPECT_NE(file->problems[0].reason.find(c.said), std::string::npos)
                            << name << ": " << file->problems[0].reason;
                        ++count;
                    }
        }
    EXPECT_GE(count, 500u);
}

}  // namespace
}  // namespace caravan::engine
