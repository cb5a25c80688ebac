// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/row_file.h"
#include "tests/engine/data/data_fixtures.h"

namespace caravan::engine {
namespace {

using test::pescLine;
using test::TemporaryFolder;

RowOrReason parseRow(std::string_view json) {
    return RowMapper({}).parse(json);
}

std::string reasonOf(std::string_view json) {
    const auto parsed = parseRow(json);
    return parsed ? "accepted" : parsed.error();
}

TEST(ParseRow, PescWithSeveralTurns) {
    const auto parsed = parseRow(
        R"({"instruction":"Be kind.","conversation":[{"input":"a","output":"b"},{"input":"c","output":"d"}]})");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->columns.shape, RowShape::Pesc);
    EXPECT_EQ(parsed->row.system, "Be kind.");
    EXPECT_EQ(parsed->row.turns, (std::vector<DataTurn>{{"a", "b"}, {"c", "d"}}));
}

TEST(ParseRow, OtherForms) {
    const auto alpaca = parseRow(R"({"instruction":"Add.","input":"1 2","output":"3"})");
    ASSERT_TRUE(alpaca);
    EXPECT_EQ(alpaca->row.turns, (std::vector<DataTurn>{{"Add.\n1 2", "3"}}));
    const auto messages = parseRow(
        R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":"a"}]})");
    ASSERT_TRUE(messages);
    EXPECT_EQ(messages->row.system, "s");
    EXPECT_EQ(messages->row.turns, (std::vector<DataTurn>{{"u", "a"}}));
    const auto share =
        parseRow(R"({"conversations":[{"from":"human","value":"h"},{"from":"gpt","value":"g"}]})");
    ASSERT_TRUE(share);
    EXPECT_EQ(share->columns.shape, RowShape::ShareGpt);
    EXPECT_EQ(share->row.turns, (std::vector<DataTurn>{{"h", "g"}}));
}

TEST(ParseRow, EveryRefusalSaysWhy) {
    EXPECT_NE(reasonOf("[1]").find("not an object"), std::string::npos);
    EXPECT_NE(reasonOf(R"({"conversation":[]})").find("empty"), std::string::npos);
    EXPECT_NE(reasonOf(R"({"conversation":{}})").find("not a list"), std::string::npos);
    EXPECT_NE(reasonOf(R"({"conversation":[{"input":"a"}]})").find("has no \"output\""), std::string::npos);
    EXPECT_NE(reasonOf(R"({"conversation":[{"input":"a","output":3}]})").find("not a string"),
              std::string::npos);
    EXPECT_NE(
        reasonOf(R"({"instruction":7,"conversation":[{"input":"a","output":"b"}]})").find("\"instruction\""),
        std::string::npos);
    EXPECT_NE(reasonOf(R"({"note":"x"})").find("none of"), std::string::npos);
    EXPECT_NE(
        reasonOf("{\"conversation\":[{\"input\":\"a\xff\",\"output\":\"b\"}]}").find("byte 29 is not UTF-8"),
        std::string::npos)
        << reasonOf("{\"conversation\":[{\"input\":\"a\xff\",\"output\":\"b\"}]}");
    EXPECT_NE(reasonOf(R"({"conversation":)"), "accepted");
    EXPECT_NE(reasonOf(R"({"messages":[{"role":"user","content":"u"}]})").find("no answer"),
              std::string::npos);
    EXPECT_NE(reasonOf(R"({"messages":[{"role":"tool","content":"u"}]})").find("tool"), std::string::npos);
    EXPECT_NE(reasonOf(std::string(100'000, '[')), "accepted");
}

TEST(ReadRows, KeepsLineNumbersAndTellsEachProblem) {
    const TemporaryFolder folder;
    const auto file = folder.write("a.jsonl", "\xEF\xBB\xBF" + pescLine("one", "1") + "\n" + "not json\n" +
                                                  pescLine("two", "2") + std::string(9u << 20, 'x') + "\r\n" +
                                                  R"({"conversation":[{"input":"three","output":"3"}]})");
    const auto read = readRows(file);
    ASSERT_TRUE(read) << errorLines(read.error());
    ASSERT_EQ(read->rows.size(), 3u);
    EXPECT_EQ(read->rows[0].line, 1);
    EXPECT_EQ(read->rows[1].line, 4);
    EXPECT_EQ(read->rows[2].line, 6);
    EXPECT_EQ(read->problemCount, 2);
    EXPECT_EQ(read->problems[0].line, 3);
    EXPECT_EQ(read->problems[1].line, 5);
    EXPECT_NE(read->problems[1].reason.find("8 MiB"), std::string::npos);
}

TEST(ReadRows, LongLinesUpToTheLimitAreRead) {
    const TemporaryFolder folder;
    const std::string head = R"({"conversation":[{"input":")", tail = R"(","output":"b"}]})";
    const std::string fits = head + std::string(kMaxRowBytes - head.size() - tail.size(), 'a') + tail;
    const auto read = readRows(folder.write("a.jsonl", fits + "\n" + pescLine("x", "y")));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->problemCount, 0);
    ASSERT_EQ(read->rows.size(), 2u);
    EXPECT_EQ(read->rows[0].turns[0].prompt.size(), kMaxRowBytes - head.size() - tail.size());
}

TEST(ReadRows, OneListOfRows) {
    const TemporaryFolder folder;
    const auto read = readRows(folder.write(
        "a.json",
        R"( [ {"conversation":[{"input":"a","output":"b"}]}, 3, {"conversation":[{"input":"c","output":"d"}]} ] )"));
    ASSERT_TRUE(read);
    ASSERT_EQ(read->rows.size(), 2u);
    EXPECT_EQ(read->rows[1].line, 3);
    EXPECT_EQ(read->problems.at(0).line, 2);
    const auto broken = readRows(folder.write("b.json", "[{]"));
    ASSERT_TRUE(broken);
    EXPECT_EQ(broken->rows.size(), 0u);
    EXPECT_EQ(broken->problems.at(0).line, 1);
}

TEST(ReadRows, MissingAndUnreadableFiles) {
    const TemporaryFolder folder;
    EXPECT_EQ(readRows(folder.path() / "none").error().code, ErrorCode::FileMissing);
    EXPECT_EQ(readRows(folder.path()).error().code, ErrorCode::FileUnreadable);
    EXPECT_TRUE(readRows(folder.write("empty.jsonl", ""))->rows.empty());
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(readRows(folder.write("c.jsonl", pescLine("a", "b")), {}, stop.get_token()).error().code,
              ErrorCode::Interrupted);
}

}  // namespace
}  // namespace caravan::engine
