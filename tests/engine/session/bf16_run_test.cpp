// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/model_folder.h"
#include "tests/support/engine_fixture.h"

namespace caravan::engine {
namespace {

// A run whose trained values are bf16 alone is opened, asked and exported as any other.
TEST(Bf16Run, IsAskedAndExported) {
    TemporaryFolder folder;
    const auto engine = makeEngine({.device = "cpu", .threads = 1});
    const std::vector<ChatMessage> question{{"user", "Tell of a cat"}};
    const GenerateOptions greedy{.maxTokens = 24, .temperature = 0};
    const auto answer = [&](const std::string& model) {
        const auto given = engine->generate({.path = model}, question, greedy, {}, {}, {});
        return given ? given->text : "failed";
    };
    for (const auto& [method, formats] :
         {std::pair{UpcycleMethod::Pesc, std::vector<std::string>{"camelidae"}},
          {UpcycleMethod::None, std::vector<std::string>{"merged", "adapters"}}}) {
        Recipe recipe = smallRecipe(folder.path(), 6);
        recipe.upcycle.method = method;
        recipe.tune.trained = TrainedValues::Bf16;
        const std::string run = (folder / (method == UpcycleMethod::Pesc ? "sparse" : "dense")).string();
        const auto started =
            engine->startRun({.recipe = recipe, .recipeFolder = "/", .runFolder = run}, nullptr);
        ASSERT_TRUE(succeeded(started));
        ASSERT_EQ((*started)->wait(), RunState::Finished);
        const std::string answered = answer(run);
        EXPECT_FALSE(answered.empty());
        for (const std::string& format : formats) {
            const std::string out = (folder / format).string();
            const auto done = engine->exportModel({.path = run}, {format, out}, {}, {});
            ASSERT_TRUE(succeeded(done));
            EXPECT_LT(done->maxAbsLogitDifference, format == "adapters" ? 1e-12 : 1e-3);
            EXPECT_EQ(answer(out), answered) << format;
        }
    }
}

}  // namespace
}  // namespace caravan::engine
