// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/approximation.h"

#include <gtest/gtest.h>

#include <cmath>

namespace caravan::engine {
namespace {

using Layers = std::vector<std::int64_t>;

TEST(Approximation, RequestsPassTheWire) {
    ApproximationRequest request;
    request.base.path = "/models/base";
    request.tuned.path = "/models/tuned";
    request.files = {{"/rows/a.jsonl", "a"}};
    request.widths = {0, 8};
    request.layers = {3, kLastLayer};
    request.maxTokens = 1000;
    request.maxSteps = 50;
    request.seed = 0xFFFFFFFFFFFFFFFFULL;
    request.save = false;
    const auto back = nlohmann::json::parse(nlohmann::json(request).dump()).get<ApproximationRequest>();
    EXPECT_EQ(back.base.path, request.base.path);
    EXPECT_EQ(back.tuned.path, request.tuned.path);
    ASSERT_EQ(back.files.size(), 1u);
    EXPECT_EQ(back.files[0].name, "a");
    EXPECT_EQ(back.widths, request.widths);
    EXPECT_EQ(back.layers, request.layers);
    EXPECT_EQ(back.maxTokens, 1000);
    EXPECT_EQ(back.maxSteps, 50);
    EXPECT_EQ(back.seed, request.seed);
    EXPECT_FALSE(back.save);
}

TEST(Approximation, FiguresPassTheWireAndWhatIsUnknownStaysSo) {
    Approximation a{.base = "b", .tuned = "t", .probe = "files", .fittedTokens = 96, .heldOutTokens = 32};
    a.hidden = 64;
    a.intermediate = 172;
    a.seed = 7;
    a.layers = {{.layer = 0, .change = 0, .fits = {}},
                {.layer = 4,
                 .change = 0.03125,
                 .fits = {{.width = 16,
                           .heldOut = 0.5,
                           .fitted = 0.25,
                           .linear = 0.75,
                           .linearFitted = 0.625,
                           .steps = 900,
                           .settled = true,
                           .falling = 0.001,
                           .seconds = 1.5}}}};
    EXPECT_EQ(nlohmann::json::parse(nlohmann::json(a).dump()).get<Approximation>(), a);
    a.layers[1].fits[0].linear = NAN;
    a.layers[1].fits[0].heldOut = NAN;
    const auto back = nlohmann::json::parse(nlohmann::json(a).dump()).get<Approximation>();
    EXPECT_TRUE(std::isnan(back.layers[1].fits[0].linear));
    EXPECT_TRUE(std::isnan(back.layers[1].fits[0].heldOut));
    EXPECT_EQ(back.layers[1].fits[0].fitted, 0.25);
    EXPECT_EQ(readApproximation("/nowhere/approximation.json").error().code, ErrorCode::FileMissing);
}

TEST(Approximation, LayersAreNamedBeforeTheDepthIsKnown) {
    EXPECT_EQ(*parseApproximationLayers("0, mid,last"), (Layers{0, kMiddleLayer, kLastLayer}));
    EXPECT_EQ(*parseApproximationLayers("first,2-4 , all"), (Layers{0, 2, 3, 4, kEveryLayer}));
    for (const char* bad : {"", "0,", "x", "4-2", "-1", "1-9999999", "1.5", "0;1"}) {
        const auto layers = parseApproximationLayers(bad);
        ASSERT_FALSE(layers) << bad;
        EXPECT_EQ(layers.error().code, ErrorCode::BadOption);
    }
    EXPECT_EQ(*resolveLayers({kLastLayer, 0, kMiddleLayer, 0}, 8), (Layers{0, 4, 7}));
    EXPECT_EQ(*resolveLayers({kMiddleLayer, kLastLayer, 0}, 1), (Layers{0}));
    EXPECT_EQ(*resolveLayers({}, 3), (Layers{0, 1, 2}));
    EXPECT_EQ(*resolveLayers({kEveryLayer, 1}, 3), (Layers{0, 1, 2}));
    const auto beyond = resolveLayers({8}, 8);
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().parameter("range"), "from 0 to 7");
    EXPECT_FALSE(resolveLayers({-7}, 8));
}

TEST(Approximation, WidthsAreWholeNumbers) {
    EXPECT_EQ(*parseAdapterWidths("16, 64,256"), (Layers{16, 64, 256}));
    EXPECT_EQ(*parseAdapterWidths("0"), (Layers{0}));
    for (const char* bad : {"", "16,", "a", "-4", "1e3", "65537", "99999999999999999999", "4 8"})
        EXPECT_FALSE(parseAdapterWidths(bad)) << bad;
}

}  // namespace
}  // namespace caravan::engine
