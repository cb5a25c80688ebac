// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/data_set.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/data/batch_source.h"
#include "engine/data/counter_random.h"
#include "engine/data/preview.h"
#include "engine/data/row_encoder.h"
#include "engine/formats/model_folder.h"
#include "tests/engine/data/data_fixtures.h"

namespace caravan::engine {
namespace {

using test::baseTokenizer;
using test::pescLine;
using test::TemporaryFolder;

std::vector<TokenId> joined(std::initializer_list<std::vector<TokenId>> parts) {
    std::vector<TokenId> all;
    for (const auto& part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

TEST(Philox, PublishedVectors) {  // known answers of the Random123 distribution
    EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
              (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
              (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(EncodeRow, FollowsTheRulesOfTextToIds) {
    const auto t = baseTokenizer();
    const DataRow row{.system = "Be brief.", .turns = {{"Hello </s>", "Hi."}, {"More?", "No."}}, .line = 1};
    const EncodedRow encoded = encodeRow(*t, row, 1000);
    const auto first = t->encode("### System:\nBe brief.\n### Human:\nHello </s>\n### Assistant:\n"),
               answer = t->encode("Hi.");
    const auto second = t->encode("\n### Human:\nMore?\n### Assistant:\n"), answer2 = t->encode("No.");
    EXPECT_EQ(encoded.ids,
              joined({{*t->bosId()}, first, answer, {*t->eosId()}, second, answer2, {*t->eosId()}}));
    EXPECT_EQ(encoded.answerTokens, static_cast<std::int64_t>(answer.size() + answer2.size() + 2));
    EXPECT_EQ(std::count(encoded.ids.begin(), encoded.ids.end(), *t->eosId()), 2)
        << "a name in the text is plain text";
    for (std::size_t i = 0; i < encoded.ids.size(); ++i) {
        const bool inFirst = i > first.size() && i <= first.size() + answer.size() + 1;
        const bool inSecond = i >= encoded.ids.size() - answer2.size() - 1;
        EXPECT_EQ(encoded.trained[i] == 1, inFirst || inSecond) << i;
    }
}

TEST(EncodeRow, CutsAtTheSequenceLength) {
    const auto t = baseTokenizer();
    const DataRow row{.system = {}, .turns = {{"Count.", "one two three four five"}}, .line = 1};
    const EncodedRow whole = encodeRow(*t, row, 1000);
    EXPECT_EQ(whole.ids.back(), *t->eosId());
    const EncodedRow cut = encodeRow(*t, row, whole.fullLength - 1);
    EXPECT_NE(cut.ids.back(), *t->eosId());
    EXPECT_EQ(cut.answerTokensLost, 1);
    EXPECT_EQ(cut.fullLength, whole.fullLength);
    EXPECT_EQ(encodeRow(*t, row, 3).answerTokens, 0);
}

class ManyRows : public testing::Test {
  protected:
    void SetUp() override {
        std::string a, b;
        for (int i = 0; i < 70; ++i)
            a += pescLine("question " + std::to_string(i),
                          "answer " + std::string(static_cast<std::size_t>(i), 'a'));
        for (int i = 0; i < 30; ++i)
            b += pescLine("other " + std::to_string(i), "reply");
        m_folder.write("alpha.train.jsonl", a);
        m_folder.write("beta.jsonl", b);
        m_folder.write("held.jsonl", pescLine("held out", "yes"));
        m_recipe.model.path = test::baseModel();
        m_recipe.data.files = {{.path = "alpha.train.jsonl"}, {.path = "beta.jsonl"}};
        m_recipe.data.heldout = {{.path = "held.jsonl", .name = "alpha"}};
        m_recipe.tune.batchRows = 8;
        m_recipe.seed = 7;
    }
    [[nodiscard]] DataSet load(std::int64_t length = 512) const {
        return unwrap(DataSet::load(m_recipe, m_folder.path(), *m_tokenizer, {.sequenceLength = length}));
    }
    TemporaryFolder m_folder;
    Recipe m_recipe;
    std::unique_ptr<Tokenizer> m_tokenizer = baseTokenizer();
};

TEST_F(ManyRows, DomainsWeightsAndHeldout) {
    m_recipe.data.files[0].weight = 0.5;
    m_recipe.data.files[1].weight = 2.1;
    const DataSet data = load();
    EXPECT_EQ(data.domains(), (std::vector<std::string>{"alpha", "beta"}));
    EXPECT_EQ(data.rows().size(), 100);
    EXPECT_EQ(data.epochRows().size(), 35u + 63u);
    std::map<std::int32_t, int> uses;
    for (const std::int32_t row : data.epochRows())
        ++uses[row];
    for (const auto& [row, count] : uses)
        EXPECT_LE(count, row < 70 ? 1 : 3);
    ASSERT_EQ(data.heldout().size(), 1u);
    EXPECT_EQ(data.heldout()[0].name, "alpha");
    EXPECT_EQ(data.heldout()[0].rows.size(), 1);
    EXPECT_EQ(data.reports()[0].used, 35);
    EXPECT_EQ(data.reports()[1].used, 63);
}

TEST_F(ManyRows, AnEpochDrawsEveryRowOnceAndTheLastBatchIsPartial) {
    const DataSet data = load();
    BatchSource source(data, m_recipe, 512);
    EXPECT_EQ(source.steps(), 13);
    std::multiset<std::int32_t> drawn;
    for (std::int64_t step = 1; step <= 13; ++step) {
        const auto rows = source.rows(step);
        EXPECT_EQ(rows.size(), step < 13 ? 8u : 4u);
        drawn.insert(rows.begin(), rows.end());
    }
    EXPECT_EQ(drawn.size(), 100u);
    EXPECT_EQ(std::set<std::int32_t>(drawn.begin(), drawn.end()).size(), 100u);
    EXPECT_EQ(source.epoch(13), 0);
    EXPECT_EQ(source.epoch(14), 1);
    EXPECT_NE(source.rows(1), source.rows(14));
}

TEST_F(ManyRows, BatchesAreAPureFunctionOfSeedAndStep) {
    const DataSet data = load();
    BatchSource forward(data, m_recipe, 512), resumed(data, m_recipe, 512);
    std::vector<std::vector<MicroBatch>> all;
    for (std::int64_t step = 1; step <= 40; ++step)
        all.push_back(forward.microBatches(step, 1024));
    for (std::int64_t step = 40; step >= 1; --step)
        EXPECT_EQ(resumed.microBatches(step, 1024), all[static_cast<std::size_t>(step - 1)]);
    m_recipe.seed = 8;
    BatchSource other(data, m_recipe, 512);
    EXPECT_NE(other.rows(1), forward.rows(1));
}

TEST_F(ManyRows, EpochsMayBeAFraction) {
    const DataSet data = load();
    m_recipe.tune.epochs = 1.5;
    EXPECT_EQ(BatchSource(data, m_recipe, 512).steps(), 13 + 7);
    BatchSource source(data, m_recipe, 512);
    EXPECT_EQ(source.rows(20).size(), 2u);
    m_recipe.tune.steps = 5;
    EXPECT_EQ(BatchSource(data, m_recipe, 512).steps(), 5);
}

TEST_F(ManyRows, SequencesPerStep) {
    m_recipe.tune.batchSequences = 2;
    const DataSet data = load(128);
    BatchSource source(data, m_recipe, 128);
    std::set<std::int32_t> drawn;
    for (std::int64_t step = 1; step <= source.steps(); ++step) {
        std::int64_t sequences = 1, tokens = 0;
        for (const std::int32_t row : source.rows(step)) {
            const std::int64_t length = data.rows().length(row);
            if (tokens + length > 128) {
                ++sequences;
                tokens = 0;
            }
            tokens += length;
            drawn.insert(row);
        }
        EXPECT_LE(sequences, 2);
        if (step < source.steps()) {
            EXPECT_EQ(sequences, 2);
        }
    }
    EXPECT_EQ(drawn.size(), 100u);
}

TEST_F(ManyRows, MicroBatchesHoldEveryTokenOnceWithinTheLimit) {
    const DataSet data = load();
    BatchSource source(data, m_recipe, 512);
    std::multiset<std::int64_t> packed;
    for (const MicroBatch& batch : source.microBatches(1, 200)) {
        EXPECT_LE(batch.ids.size(), 200u);
        ASSERT_EQ(batch.offsets.size(), batch.segments() + 1);
        std::int64_t answers = 0;
        for (std::size_t s = 0; s < batch.segments(); ++s) {
            const auto row = data.rows().row(batch.rows[s]);
            const auto begin = static_cast<std::size_t>(batch.offsets[s]);
            ASSERT_EQ(static_cast<std::size_t>(batch.offsets[s + 1]) - begin, row.ids.size());
            EXPECT_EQ(batch.domains[s], row.domain);
            for (std::size_t t = 0; t < row.ids.size(); ++t) {
                EXPECT_EQ(batch.ids[begin + t], row.ids[t]);
                EXPECT_EQ(batch.labels[begin + t], row.trained[t] ? row.ids[t] : -100);
                EXPECT_EQ(batch.positions[begin + t], static_cast<std::int32_t>(t));
                answers += row.trained[t];
            }
            packed.insert(batch.rows[s]);
        }
        EXPECT_EQ(batch.answerTokens, answers);
        EXPECT_EQ(batch.tokens, static_cast<std::int64_t>(batch.ids.size()));
    }
    const auto rows = source.rows(1);
    EXPECT_EQ(packed, (std::multiset<std::int64_t>(rows.begin(), rows.end())));
}

TEST_F(ManyRows, PaddedMicroBatches) {
    const DataSet data = load();
    m_recipe.data.packing = Packing::Padded;
    BatchSource source(data, m_recipe, 512);
    for (const MicroBatch& batch : source.microBatches(2, 300, 5)) {
        EXPECT_LE(batch.ids.size(), 300u);
        const std::int32_t width = batch.offsets[1];
        for (std::size_t s = 0; s < batch.segments(); ++s)
            EXPECT_EQ(batch.offsets[s + 1] - batch.offsets[s], width);
        std::int64_t real = 0;
        for (std::size_t t = 0; t < batch.ids.size(); ++t) {
            if (batch.roles[t] != static_cast<std::uint8_t>(TokenRole::Padding)) {
                ++real;
                continue;
            }
            EXPECT_EQ(batch.ids[t], 5);
            EXPECT_EQ(batch.labels[t], -100);
        }
        EXPECT_EQ(real, batch.tokens);
    }
}

TEST_F(ManyRows, DroppedAndCutRowsAreCounted) {
    const DataSet data = load(30);
    const DataFileReport& report = data.reports()[0];
    EXPECT_EQ(report.rows + report.dropped, 70);
    EXPECT_GT(report.truncated, 0);
    EXPECT_GT(report.answerTokensLost, 0);
    std::int64_t counted = 0;
    for (const std::int64_t bin : report.lengths)
        counted += bin;
    EXPECT_EQ(counted, 70);
    m_recipe.data.files.resize(1);
    const auto none = DataSet::load(m_recipe, m_folder.path(), *m_tokenizer, {.sequenceLength = 3});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::RowBad);
}

TEST_F(ManyRows, PreviewShowsTheFirstBatchOfTuning) {
    m_folder.write("bad.jsonl", pescLine("fine", "ok") + "{}\n");
    m_recipe.data.files.push_back({.path = "bad.jsonl"});
    m_recipe.data.files.push_back({.path = "missing.jsonl"});
    m_recipe.tune.microBatchTokens = 256;
    const auto preview = previewData(m_recipe, m_folder.path(), test::baseModel(), DeviceKind::Cpu);
    ASSERT_TRUE(preview) << errorLines(preview.error());
    EXPECT_EQ(preview->rowsPerEpoch, 101);
    EXPECT_EQ(preview->steps, 13);
    EXPECT_EQ(preview->sequenceLength, 1024) << "what the model can";
    EXPECT_EQ(preview->problemCount, 1);
    EXPECT_EQ(preview->problems.at(0).line, 2);
    EXPECT_FALSE(preview->files.at(3).error.empty());
    std::size_t rows = 0;
    for (const PreviewSequence& sequence : preview->firstBatch) {
        for (const PreviewRow& row : sequence.rows) {
            EXPECT_EQ(row.tokens.front().text, "<s>");
            EXPECT_TRUE(row.tokens.front().special);
            EXPECT_FALSE(row.tokens.front().trained);
            EXPECT_TRUE(row.tokens.back().trained);
            EXPECT_GT(row.line, 0);
        }
        rows += sequence.rows.size();
    }
    EXPECT_EQ(rows, 8u);
}

// A window may ask what any step had: the rows, tokens and packing that tuning drew for it, and no others.
TEST_F(ManyRows, AnyStepsBatchIsFoundAgain) {
    m_recipe.tune.microBatchTokens = 256;
    m_recipe.tune.epochs = 2;
    const DataSet data = load(1024);
    BatchSource source(data, m_recipe, 1024);
    const auto ask = [&](StepIndex step) {
        return stepBatch(m_recipe, m_folder.path(), test::baseModel(), DeviceKind::Cpu, step);
    };
    const std::int64_t perEpoch = source.steps() / 2;
    for (const StepIndex step : {StepIndex(1), perEpoch, perEpoch + 1, source.steps()}) {
        const auto shown = ask(step);
        ASSERT_TRUE(shown) << errorLines(shown.error());
        EXPECT_EQ(shown->step, step);
        EXPECT_EQ(shown->steps, source.steps());
        EXPECT_EQ(shown->epoch, step > perEpoch ? 1 : 0);
        const auto batches = source.microBatches(step, 256);
        ASSERT_EQ(shown->batch.size(), batches.size());
        std::int64_t rows = 0, tokens = 0, trained = 0, byDomain = 0;
        for (std::size_t i = 0; i < batches.size(); ++i) {
            std::vector<TokenId> ids;
            for (const PreviewRow& row : shown->batch[i].rows)
                for (const PreviewToken& token : row.tokens)
                    ids.push_back(token.id);
            EXPECT_EQ(ids, batches[i].ids);
            rows += static_cast<std::int64_t>(batches[i].segments());
            tokens += batches[i].tokens;
            trained += batches[i].answerTokens;
        }
        EXPECT_EQ(shown->rows(), rows);
        EXPECT_EQ(shown->tokens(), tokens);
        EXPECT_EQ(shown->trainedTokens(), trained);
        for (const auto& [domain, count] : shown->domains())
            byDomain += count;
        EXPECT_EQ(byDomain, rows);
        const auto back = nlohmann::json(*shown).get<StepBatch>();
        EXPECT_EQ(back.tokens(), tokens);
        EXPECT_EQ(back.batch[0].rows[0].line, shown->batch[0].rows[0].line);
        EXPECT_EQ(back.steps, shown->steps);
    }
    for (const StepIndex step : {StepIndex(0), StepIndex(-3), source.steps() + 1})
        EXPECT_EQ(ask(step).error().code, ErrorCode::BadOption);
    m_recipe.data.files.push_back({.path = "missing.jsonl"});
    EXPECT_FALSE(ask(1)) << "a file that is gone takes its rows along";
}

// A run that was told to use smaller micro-batches shows them from that step on, and none before.
TEST_F(ManyRows, AStepIsPackedAsTheRunWasTold) {
    m_recipe.tune.microBatchTokens = 1024;
    m_recipe.tune.sequenceLength = 256;
    const DataSet data = load(256);
    BatchSource source(data, m_recipe, 256);
    ASSERT_GE(source.steps(), 3);
    m_folder.write("changes.jsonl",
                   "{\"step\": 2, \"key\": \"tune.micro_batch_tokens\", \"from\": 1024, \"to\": 512}\n"
                   "{\"step\": 2, \"key\": \"tune.learning_rate\", \"from\": 1, \"to\": 2}\n"
                   "[7]\n"
                   "{\"step\": 3, \"key\": \"tune.micro_batch_tokens\", \"from\": 512, \"to\": 256}\n"
                   "{\"step\": 3, \"key\": \"tune.micro_b");
    const std::int64_t told[] = {1024, 512, 256};
    for (StepIndex step = 1; step <= 3; ++step) {
        const auto shown = stepBatch(m_recipe, m_folder.path(), test::baseModel(), DeviceKind::Cpu, step);
        ASSERT_TRUE(shown) << errorLines(shown.error());
        const auto batches = source.microBatches(step, told[step - 1]);
        ASSERT_EQ(shown->batch.size(), batches.size()) << step;
        for (std::size_t i = 0; i < batches.size(); ++i)
            EXPECT_EQ(shown->batch[i].rows.size(), batches[i].segments()) << step;
    }
    EXPECT_NE(source.microBatches(3, 256).size(), source.microBatches(3, 1024).size());
}

// Where the recipe leaves the micro-batch open, each device has its own: the preview lays rows out as the
// session on that device does.
TEST_F(ManyRows, PreviewIsTheFirstBatchOnEitherDevice) {
    m_recipe.tune.microBatchTokens.reset();
    m_recipe.tune.sequenceLength = 512;
    m_recipe.tune.batchRows = 90;
    const ModelConfig config = unwrap(readModelConfig(test::baseModel()));
    const DataSet data = load(512);
    std::vector<std::size_t> sequences;
    for (const DeviceKind device : {DeviceKind::Cpu, DeviceKind::Cuda}) {
        const auto preview = previewData(m_recipe, m_folder.path(), test::baseModel(), device);
        ASSERT_TRUE(preview) << errorLines(preview.error());
        BatchSource source(data, m_recipe, 512);
        const auto batches = source.microBatches(1, microBatchTokensOf(m_recipe, config, device));
        ASSERT_EQ(preview->firstBatch.size(), batches.size());
        for (std::size_t i = 0; i < batches.size(); ++i) {
            std::vector<TokenId> shown;
            for (const PreviewRow& row : preview->firstBatch[i].rows)
                for (const PreviewToken& token : row.tokens)
                    shown.push_back(token.id);
            EXPECT_EQ(shown, batches[i].ids);
        }
        sequences.push_back(batches.size());
    }
    EXPECT_GT(sequences[0], sequences[1]) << "the rows of this test do not tell the devices apart";
}

}  // namespace
}  // namespace caravan::engine
