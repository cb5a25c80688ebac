// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The whole measurement on a small real model and copies of it with other FFNs.
#include "engine/routing/approximation.h"

#include <c10/core/InferenceMode.h>

#include <cmath>

#include "engine/ops/parallel.h"
#include "engine/train/run_folder.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/tuned_copy.h"

namespace caravan::engine::routing {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kHidden = 64, kInner = 172;

// W_down' = (1 + left right^T) W_down: the tuned FFN is the frozen one and a linear map of rank 1 behind it.
void addRankOne(std::vector<float>& down) {
    for (std::int64_t column = 0; column < kInner; ++column) {
        double product = 0;
        for (std::int64_t row = 0; row < kHidden; ++row)
            product += std::sin(0.7 * static_cast<double>(row)) *
                       down[static_cast<std::size_t>(row * kInner + column)];
        for (std::int64_t row = 0; row < kHidden; ++row)
            down[static_cast<std::size_t>(row * kInner + column)] +=
                static_cast<float>(0.05 * std::cos(0.3 * static_cast<double>(row)) * product);
    }
}

class ApproximationOfModels : public ::testing::Test {
  protected:
    void SetUp() override {
        ops::setThreads(1);
        writeRows(folder / "cats.jsonl", 24, "a cat");
        writeRows(folder / "dogs.jsonl", 16, "a dog");
        request.base.path = storiesModel();
        request.tuned.path = (folder / "tuned").string();
        request.files = {{(folder / "cats.jsonl").string(), "cats"},
                         {(folder / "dogs.jsonl").string(), "dogs"}};
        request.widths = {8, 0, 2, 8};
        request.layers = {kLastLayer, 2};
        request.maxSteps = 1500;
    }
    // Layers 2 and 4 are changed.
    void makeTuned() {
        test::writeTunedCopy(storiesModel(), folder / "tuned",
                             [](const std::string& name, std::vector<float>& values) {
                                 if (name == "model.layers.2.mlp.down_proj.weight" ||
                                     name == "model.layers.4.mlp.down_proj.weight")
                                     addRankOne(values);
                             });
    }
    Approximation run(const std::stop_token& stop = {}) {
        return approximate(
            request, {},
            [this](const Progress& progress) {
                if (stages.empty() || stages.back() != progress.stage) stages.push_back(progress.stage);
                EXPECT_LE(progress.done, progress.total);
                if (onProgress) onProgress(progress);
            },
            stop);
    }
    Error failure(const std::stop_token& stop = {}) {
        try {
            static_cast<void>(run(stop));
        } catch (const EngineException& exception) {
            return exception.error();
        }
        ADD_FAILURE() << "it succeeded";
        return {};
    }
    c10::InferenceMode guard;
    TemporaryFolder folder;
    ApproximationRequest request;
    std::vector<std::string> stages;
    ProgressFunction onProgress;
};

TEST_F(ApproximationOfModels, FindsTheMapThatWasPutBehindTheFfn) {
    makeTuned();
    const Approximation a = run();
    EXPECT_EQ(a.probe, "files");
    EXPECT_EQ(a.hidden, kHidden);
    EXPECT_EQ(a.intermediate, kInner);
    EXPECT_GT(a.fittedTokens, 2 * a.heldOutTokens);
    EXPECT_LT(a.fittedTokens, 4 * a.heldOutTokens);
    ASSERT_EQ(a.layers.size(), 2u);
    EXPECT_EQ(a.layers[0].layer, 2);
    EXPECT_EQ(a.layers[1].layer, 4);
    for (const LayerApproximation& layer : a.layers) {
        EXPECT_GT(layer.change, 0);
        ASSERT_EQ(layer.fits.size(), 3u) << "widths are sorted and each is there once";
        EXPECT_EQ(layer.fits[0].width, 0);
        EXPECT_EQ(layer.fits[0].heldOut, 1);
        EXPECT_EQ(layer.fits[1].width, 2);
        EXPECT_LT(layer.fits[1].linear, 1e-4) << "rank 1 is all there is";
        EXPECT_LT(layer.fits[1].heldOut, 0.1);
        EXPECT_LT(layer.fits[2].heldOut, 0.1);
    }
    EXPECT_EQ(stages.back(), "fitting adapters");
    EXPECT_NE(std::find(stages.begin(), stages.end(), "reading the inputs of the FFNs"), stages.end());
}

TEST_F(ApproximationOfModels, ALayerThatWasNotTunedHasNoFits) {
    makeTuned();
    request.layers = {0, 4};
    request.widths = {2};
    request.maxSteps = 20;
    const Approximation a = run();
    EXPECT_EQ(a.layers[0].change, 0);
    EXPECT_TRUE(a.layers[0].fits.empty());
    EXPECT_GT(a.layers[1].change, 0);
    ASSERT_EQ(a.layers[1].fits.size(), 1u);
    EXPECT_FALSE(a.layers[1].fits[0].settled);
}

TEST_F(ApproximationOfModels, EqualModelsAreRefusedInWords) {
    request.tuned.path = storiesModel();
    const Error error = failure();
    EXPECT_EQ(error.code, ErrorCode::ModelUnsupported);
    EXPECT_NE(errorLines(error).find("nothing to approximate"), std::string::npos) << errorLines(error);
}

TEST_F(ApproximationOfModels, OtherShapesAreRefusedBeforeWeightsAreRead) {
    request.tuned.path = demoModel();
    const Error error = failure();
    EXPECT_EQ(error.code, ErrorCode::ModelUnsupported);
    const std::string words = errorLines(error);
    EXPECT_NE(words.find("base-16m"), std::string::npos) << words;
    EXPECT_NE(words.find("stories260k"), std::string::npos) << words;
    EXPECT_NE(words.find("8 layers, 384 wide"), std::string::npos) << words;
    EXPECT_NE(words.find("5 layers, 64 wide"), std::string::npos) << words;
    EXPECT_TRUE(stages.empty());
}

TEST_F(ApproximationOfModels, BadWishesAreRefusedInWords) {
    makeTuned();
    request.layers = {5};
    EXPECT_EQ(failure().parameter("range"), "from 0 to 4");
    request.layers = {0};
    request.widths = {70000};
    EXPECT_EQ(failure().code, ErrorCode::BadOption);
    request.widths = {};
    EXPECT_EQ(failure().code, ErrorCode::MissingOption);
    request.widths = {4};
    request.maxSteps = 0;
    EXPECT_EQ(failure().parameter("key"), "steps");
    request.maxSteps = 10;
    request.files.clear();
    EXPECT_EQ(failure().code, ErrorCode::MissingOption);
    writeRows(folder / "few.jsonl", 3, "a fox");
    request.files = {{(folder / "few.jsonl").string(), "few"}};
    const Error few = failure();
    EXPECT_EQ(few.code, ErrorCode::BadOption);
    EXPECT_NE(few.parameter("value").find("0 held out"), std::string::npos) << few.parameter("value");
    request.tuned.path = (folder / "nowhere").string();
    EXPECT_EQ(failure().code, ErrorCode::FileMissing);
}

TEST_F(ApproximationOfModels, ValuesThatAreNoNumbersAreNamed) {
    test::writeTunedCopy(storiesModel(), folder / "tuned",
                         [](const std::string& name, std::vector<float>& values) {
                             if (name == "model.layers.2.mlp.up_proj.weight") values[7] = NAN;
                         });
    const Error error = failure();
    EXPECT_EQ(error.code, ErrorCode::ModelUnsupported);
    EXPECT_NE(error.parameter("detail").find("layer 2"), std::string::npos) << error.parameter("detail");
}

TEST_F(ApproximationOfModels, IsCancelledInEveryStage) {
    makeTuned();
    for (const char* stage : {"reading weights", "reading the inputs of the FFNs", "fitting adapters"}) {
        std::stop_source source;
        onProgress = [&](const Progress& progress) {
            if (progress.stage == stage) source.request_stop();
        };
        EXPECT_EQ(failure(source.get_token()).code, ErrorCode::Interrupted) << stage;
    }
}

TEST_F(ApproximationOfModels, ARunBringsItsModelItsRowsAndKeepsTheFigures) {
    makeTuned();
    Recipe recipe = smallRecipe(folder.path(), 2);
    writeRows(folder / "held.jsonl", 40, "a bird");
    train::RunFolder run(folder / "run");
    run.create(recipe, folder.path());
    request.base.path = (folder / "run").string();
    request.files.clear();
    request.layers = {4};
    request.widths = {2};
    request.maxSteps = 20;
    const Approximation a = this->run();
    EXPECT_EQ(a.probe, "held-out");
    EXPECT_EQ(fs::weakly_canonical(a.base), fs::weakly_canonical(storiesModel()));
    const auto kept = readApproximation((folder / "run" / kApproximationFile).string());
    ASSERT_TRUE(succeeded(kept));
    EXPECT_EQ(kept->layers[0].fits[0].heldOut, a.layers[0].fits[0].heldOut);
    request.save = false;
    request.maxSteps = 10;
    static_cast<void>(this->run());
    EXPECT_EQ(readApproximation((folder / "run" / kApproximationFile).string())->layers[0].fits[0].steps, 20);
}

}  // namespace
}  // namespace caravan::engine::routing
