// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <set>

#include "engine/api/config/descriptors.h"
#include "engine/api/event_json.h"
#include "engine/data/batch_source.h"
#include "engine/data/data_set.h"
#include "engine/data/preview.h"
#include "engine/data/row_encoder.h"
#include "tests/engine/data/data_fixtures.h"

namespace caravan::engine {
namespace {

using test::pescLine;
using test::TemporaryFolder;

class DataRules : public testing::Test {
  protected:
    void SetUp() override {
        std::string code, math = "question,answer\n";
        for (int i = 0; i < 40; ++i)
            code += pescLine("write " + std::to_string(i), "code " + std::to_string(i));
        for (int i = 0; i < 20; ++i)
            math += "what is " + std::to_string(i) + ",it is " + std::to_string(i) + "\n";
        m_folder.write("code.jsonl", code);
        m_folder.write("math.csv", math);
        m_recipe.data.files = {{.path = "code.jsonl"}, {.path = "math.csv"}};
        m_recipe.seed = 3;
    }
    [[nodiscard]] DataSet load(std::int64_t length = 512) const {
        return unwrap(DataSet::load(m_recipe, m_folder.path(), *m_tokenizer, {.sequenceLength = length}));
    }
    static std::set<std::int64_t> linesOf(const RowStore& rows, std::int32_t file) {
        std::set<std::int64_t> lines;
        for (std::int64_t i = 0; i < rows.size(); ++i)
            if (rows.row(i).file == file) lines.insert(rows.row(i).line);
        return lines;
    }
    static std::set<std::int64_t> drawnLines(const DataSet& data, std::int32_t file) {
        std::set<std::int64_t> lines;
        for (const std::int32_t row : data.epochRows())
            if (data.rows().row(row).file == file) lines.insert(data.rows().row(row).line);
        return lines;
    }
    TemporaryFolder m_folder;
    Recipe m_recipe;
    std::unique_ptr<Tokenizer> m_tokenizer = test::baseTokenizer();
};

TEST_F(DataRules, AShareOfEachFileIsHeldOutAndNeverDrawn) {
    m_recipe.data.heldoutFraction = 0.1;
    const DataSet data = load();
    ASSERT_EQ(data.heldout().size(), 2u);
    EXPECT_EQ(data.heldout()[0].name, "code");
    EXPECT_EQ(data.heldout()[0].rows.size(), 4);
    EXPECT_EQ(data.heldout()[1].rows.size(), 2);
    EXPECT_EQ(data.reports()[0].split, 4);
    EXPECT_EQ(data.reports()[0].rows, 40);
    EXPECT_EQ(data.reports()[0].used, 36);
    for (std::int32_t file = 0; file < 2; ++file) {
        const auto held = linesOf(data.heldout()[static_cast<std::size_t>(file)].rows, file);
        const auto drawn = drawnLines(data, file);
        for (const std::int64_t line : held)
            EXPECT_FALSE(drawn.contains(line)) << line;
        EXPECT_EQ(held.size() + drawn.size(), file == 0 ? 40u : 20u);
    }
    EXPECT_EQ(linesOf(load().heldout()[0].rows, 0), linesOf(data.heldout()[0].rows, 0)) << "the same again";
    const auto before = linesOf(data.heldout()[0].rows, 0);
    m_recipe.seed = 4;
    EXPECT_NE(linesOf(load().heldout()[0].rows, 0), before) << "another seed, another choice";
}

TEST_F(DataRules, AHeldOutFileGoesBeforeTheShare) {
    m_recipe.data.heldoutFraction = 0.5;
    m_folder.write("held.jsonl", pescLine("h", "x"));
    m_recipe.data.heldout = {{.path = "held.jsonl"}};
    const DataSet data = load();
    EXPECT_EQ(data.epochRows().size(), 60u);
    ASSERT_EQ(data.heldout().size(), 1u);
    EXPECT_EQ(data.heldout()[0].rows.size(), 1);
    m_recipe.data.heldout.clear();
    m_folder.write("code.jsonl", pescLine("only", "one"));
    EXPECT_EQ(load().reports()[0].split, 0) << "one row alone is trained";
}

TEST_F(DataRules, SharesAndEpochsOfTheMix) {
    m_recipe.model.path = test::baseModel();
    m_recipe.data.files[1].weight = 2;
    m_recipe.tune.epochs = 3;
    auto preview = unwrap(previewData(m_recipe, m_folder.path(), test::baseModel(), DeviceKind::Cpu));
    EXPECT_DOUBLE_EQ(preview.files[0].rowShare, 0.5);
    EXPECT_DOUBLE_EQ(preview.files[1].rowShare, 0.5);
    EXPECT_NEAR(preview.files[0].tokenShare + preview.files[1].tokenShare, 1, 1e-12);
    EXPECT_DOUBLE_EQ(preview.files[0].epochs, 3);
    EXPECT_DOUBLE_EQ(preview.files[1].epochs, 6);
    m_recipe.tune.steps = 10;
    m_recipe.tune.batchRows = 8;  // 80 rows, as many as an epoch draws
    preview = unwrap(previewData(m_recipe, m_folder.path(), test::baseModel(), DeviceKind::Cpu));
    EXPECT_DOUBLE_EQ(preview.files[1].epochs, 2);
    const DataPreview back = nlohmann::json(preview).get<DataPreview>();
    EXPECT_EQ(back.files[1].columns, preview.files[1].columns);
    EXPECT_EQ(back.files[1].columns.prompt, "question");
    EXPECT_EQ(back.files[1].known, (std::vector<std::string>{"answer", "question"}));
    EXPECT_EQ(back.files[1].tokenShare, preview.files[1].tokenShare);
    EXPECT_EQ(back.files[0].split, preview.files[0].split);
}

TEST_F(DataRules, LongRowsAreCutOrLoseTurnsOrAreDropped) {
    DataRow row;
    for (int i = 0; i < 3; ++i)
        row.turns.push_back({"question number " + std::to_string(i), "answer number " + std::to_string(i)});
    const EncodedRow whole = encodeRow(*m_tokenizer, row, 1000);
    const std::int64_t limit = whole.fullLength - 2;
    const auto encode = [&](LongRows rule) {
        return encodeRow(*m_tokenizer, row, EncodeSettings{.sequenceLength = limit, .longRows = rule});
    };
    const EncodedRow cut = encode(LongRows::Cut);
    EXPECT_EQ(static_cast<std::int64_t>(cut.ids.size()), limit);
    EXPECT_NE(cut.ids.back(), *m_tokenizer->eosId());
    const EncodedRow turns = encode(LongRows::Turns);
    EXPECT_EQ(turns.ids.back(), *m_tokenizer->eosId());
    EXPECT_EQ(std::count(turns.ids.begin(), turns.ids.end(), *m_tokenizer->eosId()), 2);
    EXPECT_EQ(turns.answerTokens + turns.answerTokensLost, whole.answerTokens);
    const EncodedRow dropped = encode(LongRows::Drop);
    EXPECT_EQ(dropped.answerTokens, 0);
    EXPECT_NE(dropped.refusal.find("the limit is"), std::string::npos);
    row.turns.resize(1);
    const EncodedRow first =
        encodeRow(*m_tokenizer, row, EncodeSettings{.sequenceLength = 12, .longRows = LongRows::Turns});
    EXPECT_EQ(first.ids.size(), 12u) << "a first turn over the limit is cut";

    m_recipe.data.longRows = LongRows::Drop;
    std::string text = pescLine("short", "row");
    text += pescLine("long", std::string(400, 'x'));
    m_folder.write("code.jsonl", text);
    const DataSet data = load(64);
    EXPECT_EQ(data.reports()[0].rows, 1);
    EXPECT_EQ(data.reports()[0].dropped, 1);
    EXPECT_EQ(data.reports()[0].truncated, 0);
    ASSERT_EQ(data.problems().size(), 1u);
    EXPECT_EQ(data.problems()[0].line, 2);
}

TEST_F(DataRules, RepeatedRowsAreToldAndKept) {
    m_folder.write("code.jsonl", pescLine("a", "b") + pescLine("c", "d") + pescLine("a", "b"));
    const DataSet data = load();
    EXPECT_EQ(data.reports()[0].rows, 3);
    EXPECT_EQ(data.reports()[0].duplicates, 1);
    EXPECT_EQ(data.problemCount(), 0) << "nothing was refused";
    ASSERT_EQ(data.problems().size(), 1u);
    EXPECT_TRUE(data.problems()[0].kept);
    EXPECT_EQ(data.problems()[0].line, 3);
    EXPECT_NE(data.problems()[0].reason.find("line 1"), std::string::npos);
}

TEST_F(DataRules, PlainTextIsTrainedWholeWithoutATemplate) {
    m_folder.write("story.txt", "Once upon a time.\n\nThe end.");
    m_recipe.data.files = {{.path = "story.txt"}};
    m_recipe.data.templateName = "chatml";
    const DataSet data = load();
    const RowStore::Row row = data.rows().row(0);
    EXPECT_EQ(row.ids.front(), *m_tokenizer->bosId());
    EXPECT_EQ(row.ids.back(), *m_tokenizer->eosId());
    EXPECT_EQ(row.trained.front(), 0);
    EXPECT_EQ(row.answerTokens, static_cast<std::int64_t>(row.ids.size()) - 1);
    EXPECT_EQ(m_tokenizer->decode(row.ids.subspan(1, row.ids.size() - 2)), "Once upon a time.");
}

// The preview, tuning and the chat go through one template.
TEST_F(DataRules, EveryTemplateGivesTheSameRowsToPreviewAndTuning) {
    for (const char* name : kTemplateNames) {
        m_recipe.data.templateName = name;
        m_recipe.model.path = test::baseModel();
        const DataSet data = load();
        const auto preview =
            unwrap(previewData(m_recipe, m_folder.path(), test::baseModel(), DeviceKind::Cpu));
        const PreviewRow& shown = preview.firstBatch.at(0).rows.at(0);
        bool found = false;
        for (std::int64_t i = 0; i < data.rows().size() && !found; ++i) {
            const RowStore::Row row = data.rows().row(i);
            if (data.reports()[static_cast<std::size_t>(row.file)].path != shown.file ||
                row.line != shown.line)
                continue;
            found = true;
            ASSERT_EQ(row.ids.size(), shown.tokens.size()) << name;
            for (std::size_t t = 0; t < row.ids.size(); ++t) {
                EXPECT_EQ(row.ids[t], shown.tokens[t].id) << name;
                EXPECT_EQ(row.trained[t] != 0, shown.tokens[t].trained) << name;
            }
            const auto last = std::find_if(shown.tokens.rbegin(), shown.tokens.rend(),
                                           [](const PreviewToken& token) { return token.trained; });
            ASSERT_NE(last, shown.tokens.rend()) << name;
            EXPECT_EQ(last->id, *m_tokenizer->eosId()) << name;
        }
        EXPECT_TRUE(found) << name;
    }
}

TEST_F(DataRules, ATemplateThatFailsCostsTheRowNotTheRun) {
    TemporaryFolder model;
    model.write("chat_template.jinja",
                "{% for m in messages %}{% if 'what is 7' == m.content %}{{ raise_exception('no sevens') }}"
                "{% endif %}{{ m.role + ': ' + m.content + eos_token }}{% endfor %}"
                "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}");
    m_recipe.data.templateName = "model";
    const auto data = DataSet::load(m_recipe, m_folder.path(), *m_tokenizer,
                                    {.sequenceLength = 512, .modelFolder = model.path()});
    ASSERT_TRUE(data) << errorLines(data.error());
    EXPECT_EQ(data->reports()[1].rows, 19);
    ASSERT_EQ(data->problems().size(), 1u);
    EXPECT_EQ(data->problems()[0].line, 9);
    EXPECT_NE(data->problems()[0].reason.find("no sevens"), std::string::npos);
}

}  // namespace
}  // namespace caravan::engine
