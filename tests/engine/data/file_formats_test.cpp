// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/delimited.h"
#include "engine/data/json_elements.h"
#include "engine/data/row_file.h"
#include "tests/engine/data/data_fixtures.h"

namespace caravan::engine {
namespace {

using test::TemporaryFolder;

class FileFormats : public testing::Test {
  protected:
    RowFile read(const std::string& name, const std::string& text, const ColumnMapping& columns = {}) {
        auto file = readRows(m_folder.write(name, text), columns);
        EXPECT_TRUE(file) << errorLines(file.error());
        return file ? std::move(*file) : RowFile{};
    }
    std::string refusal(const std::string& name, const std::string& text, const ColumnMapping& columns = {}) {
        const auto file = readRows(m_folder.write(name, text), columns);
        return file ? "accepted" : std::string(file.error().parameter("detail"));
    }
    static std::string problemAt(const RowFile& file, std::int64_t line) {
        for (const RowProblem& problem : file.problems)
            if (problem.line == line) return problem.reason;
        return "";
    }
    TemporaryFolder m_folder;
};

TEST_F(FileFormats, CsvWithQuotesLineFeedsAndCarriageReturns) {
    const RowFile file = read("a.csv",
                              "\xEF\xBB\xBFquestion,answer\r\n"
                              "\"What, \"\"really\"\"?\",\"two\r\nlines\"\r\n"
                              "\r\n"
                              "short,row\r\n");
    EXPECT_EQ(formatName(file.facts), "CSV, Alpaca rows");
    ASSERT_EQ(file.rows.size(), 2u);
    EXPECT_EQ(file.rows[0].turns, (std::vector<DataTurn>{{"What, \"really\"?", "two\r\nlines"}}));
    EXPECT_EQ(file.rows[0].line, 2);
    EXPECT_EQ(file.rows[1].line, 5) << "the physical line, past a quoted line feed and an empty line";
    EXPECT_EQ(file.facts.columns.prompt, "question");
    EXPECT_EQ(file.facts.columns.answer, "answer");
    EXPECT_EQ(file.facts.known, (std::vector<std::string>{"answer", "question"}));
}

TEST_F(FileFormats, CsvProblemsCostOneRowEach) {
    const RowFile file = read("a.csv",
                              "prompt,response\n"
                              "one,1\n"
                              "two, too, many\n"
                              "few\n"
                              "\"closed\" not,4\n"
                              "empty,\n"
                              "blank,\"  \"\n"
                              "\"never closed,6\n"
                              "last,7\n");
    ASSERT_EQ(file.rows.size(), 2u);
    EXPECT_EQ(file.rows[1].turns[0].answer, "7");
    EXPECT_NE(problemAt(file, 3).find("3 columns, the header has 2: is a \",\" not quoted?"),
              std::string::npos);
    EXPECT_NE(problemAt(file, 4).find("1 columns"), std::string::npos);
    EXPECT_NE(problemAt(file, 5).find("text follows the closing quote of column 1"), std::string::npos);
    EXPECT_NE(problemAt(file, 6).find("empty: no token to train on"), std::string::npos);
    EXPECT_NE(problemAt(file, 7).find("only white space"), std::string::npos);
    EXPECT_NE(problemAt(file, 8).find("not closed"), std::string::npos);
    EXPECT_EQ(file.problemCount, 6);
}

TEST_F(FileFormats, SeparatorsAreRecognised) {
    EXPECT_EQ(read("a.csv", "query;response\na;b\n").rows.at(0).turns[0].answer, "b");
    const RowFile tabs = read("a.tsv", "instruction\tinput\toutput\nsay \"hi\"\t\"loud\" please\thi\n");
    ASSERT_EQ(tabs.rows.size(), 1u);
    EXPECT_EQ(tabs.rows[0].turns[0].prompt, "say \"hi\"\n\"loud\" please")
        << "quotes mean nothing to a line of tabs that fits its header";
    EXPECT_EQ(separatorOf("a|b|c,d\nx,y"), '|');
}

TEST_F(FileFormats, ColumnsMayBeChosen) {
    ColumnMapping columns;
    columns.prompt = "frage";
    columns.answer = "antwort";
    columns.system = "rolle";
    const std::string text = "frage,antwort,rolle\nwer?,ich,kurz\n";
    EXPECT_NE(refusal("a.csv", text).find("choose the columns"), std::string::npos);
    const RowFile file = read("a.csv", text, columns);
    ASSERT_EQ(file.rows.size(), 1u);
    EXPECT_EQ(file.rows[0].system, "kurz");
    EXPECT_EQ(file.rows[0].turns, (std::vector<DataTurn>{{"wer?", "ich"}}));
    columns.answer = "antwrt";
    EXPECT_NE(refusal("a.csv", text, columns).find("did you mean \"antwort\"?"), std::string::npos);
    const RowFile lines = read("a.jsonl", R"({"frage":"wer?","antwort":"ich"})", columns);
    EXPECT_NE(problemAt(lines, 1).find("did it mean \"antwort\"?"), std::string::npos);
}

TEST_F(FileFormats, ListsInsideOfCsvAreJson) {
    const RowFile file = read("a.csv",
                              "id,messages\n1,\"[{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"u\"\"},{"
                              "\"\"role\"\":\"\"assistant\"\","
                              "\"\"content\"\":\"\"a\"\"}]\"\n2,\"[broken\"\n");
    ASSERT_EQ(file.rows.size(), 1u);
    EXPECT_EQ(file.rows[0].turns, (std::vector<DataTurn>{{"u", "a"}}));
    EXPECT_NE(problemAt(file, 3).find("not JSON"), std::string::npos);
}

TEST_F(FileFormats, UsualNamesOfQuestionAndAnswer) {
    const auto turn = [&](const std::string& json) { return read("a.jsonl", json).rows.at(0).turns.at(0); };
    EXPECT_EQ(turn(R"({"question":"q","answer":"a"})"), (DataTurn{"q", "a"}));
    EXPECT_EQ(turn(R"({"query":"q","response":"a","type":"x"})"), (DataTurn{"q", "a"}));
    EXPECT_EQ(turn(R"({"problem":"q","solution":"a","lang":"c"})"), (DataTurn{"q", "a"}));
    EXPECT_EQ(turn(R"({"instruction":"q","context":"c","response":"a"})"), (DataTurn{"q\nc", "a"}));
    EXPECT_EQ(turn(R"({"Prompt":"q","Completion":"a"})"), (DataTurn{"q", "a"}));
    EXPECT_EQ(turn(R"({"input":"q","output":"a"})"), (DataTurn{"q", "a"}));
    EXPECT_EQ(read("a.jsonl", R"({"system_prompt":"s","question":"q","response":"a"})").rows.at(0).system,
              "s");
    const RowFile parts = read(
        "a.jsonl",
        R"({"messages":[{"role":"user","content":[{"type":"text","text":"u"}]},{"role":"assistant","content":"a"}]})");
    EXPECT_EQ(parts.rows.at(0).turns.at(0), (DataTurn{"u", "a"}));
}

TEST_F(FileFormats, PlainTextIsRowsBetweenBlankLines) {
    const RowFile file = read("a.txt", "\nfirst line\r\nsecond line\r\n\r\n \nother\xff\n\nlast");
    ASSERT_EQ(file.rows.size(), 2u);
    EXPECT_TRUE(file.rows[0].completion);
    EXPECT_EQ(file.rows[0].turns[0].answer, "first line\nsecond line");
    EXPECT_EQ(file.rows[0].line, 2);
    EXPECT_EQ(file.rows[1].turns[0].answer, "last");
    EXPECT_EQ(problemAt(file, 6), "byte 6 is not UTF-8");
    EXPECT_TRUE(read("a.jsonl", R"({"text":"a story"})").rows.at(0).completion);
}

TEST_F(FileFormats, ABrokenRowOfAListCostsThatRow) {
    const RowFile file = read("a.json",
                              "[\n{\"prompt\": \"a\", \"completion\": \"b\"},\n"
                              "{\"prompt\": \"c\", \"completion\": \"unclosed},\n"
                              "{\"prompt\": \"e\", \"completion\": \"f\"},\n"
                              "{\"prompt\": 'single', \"completion\": \"h\"},\n"
                              "{\"prompt\": \"i\", \"completion\": \"j\"}\n");
    std::vector<std::string> prompts;
    for (const DataRow& row : file.rows)
        prompts.push_back(row.turns[0].prompt);
    EXPECT_EQ(prompts, (std::vector<std::string>{"a", "e", "i"}));
    EXPECT_GE(file.problemCount, 2);
    EXPECT_TRUE(file.facts.countsRows);
}

TEST_F(FileFormats, ValuesBehindEachOtherNeedNoList) {
    const RowFile file = read("a.json",
                              "{\n  \"prompt\": \"a\",\n  \"completion\": \"b\"\n}\n{\n  \"prompt\": \"c\",\n"
                              "  \"completion\": \"d\"\n}\n");
    ASSERT_EQ(file.rows.size(), 2u);
    EXPECT_EQ(file.rows[1].line, 5);
    EXPECT_NE(problemAt(read("b.json", "{\"data\":\n[{\"prompt\":\"a\",\"completion\":\"b\"}]}"), 1)
                  .find("inside of \"data\""),
              std::string::npos);
}

TEST_F(FileFormats, ForeignContainersSayHowToConvert) {
    EXPECT_NE(refusal("a.parquet", std::string("PAR1\x15\0", 6)).find("read_parquet"), std::string::npos);
    EXPECT_NE(refusal("a.jsonl.gz", "\x1f\x8b\x08").find("gunzip"), std::string::npos);
    EXPECT_NE(refusal("a.xlsx", "PK\x03\x04").find("CSV"), std::string::npos);
    EXPECT_NE(refusal("a.csv", std::string("\xFF\xFEq\0,\0", 6)).find("UTF-16"), std::string::npos);
    EXPECT_NE(refusal("a.csv", std::string("q\0,\0a\0", 6)).find("UTF-16"), std::string::npos);
    EXPECT_NE(refusal("a.dat", "hello").find("say its format"), std::string::npos);
    ColumnMapping text;
    text.format = FileFormat::Text;
    EXPECT_EQ(read("a.dat", "hello", text).rows.size(), 1u);
}

TEST_F(FileFormats, LongRowsAreSkippedAndTheRestIsRead) {
    const std::string huge(9u << 20, 'x');
    const RowFile csv = read("a.csv", "prompt,answer\na,b\n\"" + huge + "\",c\nd,e\n" + huge + "\nf,g\n");
    ASSERT_EQ(csv.rows.size(), 3u);
    EXPECT_EQ(csv.problemCount, 2);
    const RowFile list = read("a.json", "[{\"prompt\":\"" + huge +
                                            "\",\"answer\":\"b\"},{\"prompt\":\"c\","
                                            "\"answer\":\"d\"}]");
    ASSERT_EQ(list.rows.size(), 1u);
    EXPECT_EQ(list.rows[0].line, 2);
    EXPECT_EQ(problemAt(list, 1), "it is longer than 8 MiB");
    EXPECT_EQ(read("a.txt", "one\n\n" + huge + "\n\ntwo").rows.size(), 2u);
}

TEST_F(FileFormats, CarriageReturnsAlone) {
    EXPECT_EQ(read("a.csv", "prompt,answer\ra,b\rc,d\r").rows.size(), 2u);
    EXPECT_EQ(read("a.jsonl", R"({"prompt":"a","answer":"b"})"
                              "\r"
                              R"({"prompt":"c","answer":"d"})")
                  .rows.size(),
              2u);
}

TEST(ElementScanner, ResumesWhereMoreIsNeeded) {
    const std::string text = R"({"a": "}\"]", "b": [1, {"c": 2}]} ,)";
    for (std::size_t cut = 1; cut < text.size() - 2; ++cut) {
        ElementScanner scanner;
        EXPECT_EQ(scanner.next(std::string_view(text).substr(0, cut)), std::string_view::npos) << cut;
        EXPECT_EQ(scanner.next(text), text.size() - 2);
    }
}

}  // namespace
}  // namespace caravan::engine
