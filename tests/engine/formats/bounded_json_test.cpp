// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/bounded_json.h"

#include <gtest/gtest.h>

#include "tests/engine/formats/temporary_folder.h"

namespace caravan::engine {
namespace {

using test::TemporaryFolder;

TEST(BoundedJson, readsWhatJsonAllows) {
    const auto json = parseJson(R"({"a":[1,-2,3.5,true,null,"é\n"],"b":{"c":{}}})", "x");
    ASSERT_TRUE(json);
    EXPECT_EQ(json->dump(), R"({"a":[1,-2,3.5,true,null,"é\n"],"b":{"c":{}}})");
}

TEST(BoundedJson, namesFileAndPlace) {
    const auto json = parseJson("{\n \"a\": 1,\n \"b\": oops\n}", "x.json");
    ASSERT_FALSE(json);
    EXPECT_EQ(json.error().code, ErrorCode::FileBad);
    EXPECT_EQ(json.error().parameter("file"), "x.json");
    EXPECT_TRUE(json.error().parameter("place").starts_with("line 3,")) << json.error().parameter("place");
    EXPECT_NE(json.error().parameter("detail"), "");
}

TEST(BoundedJson, refusesWhatIsNoJson) {
    for (const char* text : {"", " ", "{", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "\"\\x\"", "\"\xff\"", "NaN",
                             "[Infinity]", "01", "1e999", "[1]x", "\"open", "\xef\xbb"})
        EXPECT_FALSE(parseJson(text, "x")) << text;
}

TEST(BoundedJson, everyCutIsRefused) {
    const std::string whole = R"({"a":[1,{"b":"text"}],"c":-1.5e3,"d":[[],{}]})";
    for (std::size_t n = 0; n < whole.size(); ++n)
        EXPECT_FALSE(parseJson(whole.substr(0, n), "x")) << n;
    EXPECT_TRUE(parseJson(whole, "x"));
}

TEST(BoundedJson, depthIsCapped) {
    const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
    EXPECT_TRUE(parseJson(nested(64), "x"));
    EXPECT_FALSE(parseJson(nested(65), "x"));
    EXPECT_FALSE(parseJson(std::string(10'000'000, '['), "x"));
    std::string objects;
    for (int i = 0; i < 65; ++i)
        objects += "{\"a\":";
    EXPECT_FALSE(parseJson(objects, "x"));
}

TEST(BoundedJson, bytesNodesAndStringsAreCapped) {
    JsonLimits limits;
    limits.nodes = 10;
    EXPECT_TRUE(parseJson("[1,2,3,4,5,6,7,8,9]", "x", limits));
    EXPECT_FALSE(parseJson("[1,2,3,4,5,6,7,8,9,10]", "x", limits));
    limits = {};
    limits.stringLength = 4;
    EXPECT_TRUE(parseJson("[\"abcd\"]", "x", limits));
    EXPECT_FALSE(parseJson("[\"abcde\"]", "x", limits));
    EXPECT_FALSE(parseJson("{\"abcde\":1}", "x", limits));
    limits = {};
    limits.bytes = 5;
    EXPECT_EQ(parseJson("[1,2,3]", "x", limits).error().code, ErrorCode::FileTooLarge);
}

TEST(BoundedJson, duplicateKeysAreRefusedWhereTold) {
    const char* text = R"({"a":{"x":1,"y":2},"b":{"x":1},"a":3})";
    const auto last = parseJson(text, "x");
    ASSERT_TRUE(last);
    EXPECT_EQ((*last)["a"], 3);
    const auto refused = parseJson(text, "x", {.refuseDuplicateKeys = true});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().parameter("detail").find("\"a\""), std::string::npos);
}

TEST(BoundedJson, filesThatAreNone) {
    const TemporaryFolder folder;
    EXPECT_EQ(readJsonFile(folder.path() / "none.json").error().code, ErrorCode::FileMissing);
    EXPECT_EQ(readJsonFile(folder.path()).error().code, ErrorCode::FileUnreadable);
    const auto file = folder.write("a.json", "[1]");
    EXPECT_EQ(readJsonFile(file)->dump(), "[1]");
    EXPECT_EQ(readTextFile(file, 2).error().code, ErrorCode::FileTooLarge);
    EXPECT_EQ(*readTextFile(file, 3), "[1]");
}

}  // namespace
}  // namespace caravan::engine
