// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/torch_bin.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/engine/formats/temporary_folder.h"
#include "tests/support/torch_bin_writer.h"

namespace caravan::engine {
namespace {

using test::TemporaryFolder;
using namespace std::string_literals;

using test::raw;
using test::unicode;
using test::zipOf;

std::string tensor(const std::string& key, char elements, const std::string& shape, const std::string& stride,
                   char offset = 0, const std::string& type = "FloatStorage") {
    return "ctorch._utils\n_rebuild_tensor_v2\n(("s + unicode("storage") + "ctorch\n" + type + "\n" +
           unicode(key) + unicode("cpu") + "K" + elements + "tQK" + offset + shape + stride + "\x89" +
           "ccollections\nOrderedDict\n)RtR";
}
std::string pickle(const std::string& body) {
    return "\x80\x02" + body + ".";
}
const std::string kShape = "K\2K\3\x86", kStride = "K\3K\1\x86";
std::string goodPickle() {
    return pickle("ccollections\nOrderedDict\n)Rq\1(" + unicode("a.weight") +
                  tensor("0", 6, kShape, kStride) + unicode("b") + tensor("0", 6, "K\3\x85", "K\1\x85", 3) +
                  "u}(" + unicode("_metadata") + "}ub");
}
std::string archiveOf(const std::string& data) {
    std::string floats;
    for (int i = 0; i < 6; ++i)
        floats += raw(static_cast<float>(i));
    return zipOf(
        {{"moe_model/data.pkl", data}, {"moe_model/byteorder", "little"}, {"moe_model/data/0", floats}});
}

TEST(TorchBin, readsAStateDict) {
    const TemporaryFolder folder;
    const auto bin = TorchBin::open(folder.write("moe_model.bin", archiveOf(goodPickle())));
    ASSERT_TRUE(bin) << bin.error().parameter("detail") << bin.error().parameter("place");
    ASSERT_EQ(bin->tensors().size(), 2u);
    EXPECT_EQ(bin->tensors()[0].name, "a.weight");
    EXPECT_EQ(bin->tensors()[0].shape, (std::vector<std::int64_t>{2, 3}));
    float values[3];
    ASSERT_EQ(bin->bytes(1).size(), 12u);
    std::memcpy(values, bin->bytes(1).data(), 12);
    EXPECT_EQ(values[0], 3.0f);
    EXPECT_EQ(values[2], 5.0f);
}

TEST(TorchBin, whateverCouldRunIsRefusedByName) {
    const TemporaryFolder folder;
    const std::pair<std::string, std::string> cases[] = {
        {pickle("cos\nsystem\n(" + unicode("id") + "tR"), "os system"},
        {pickle("cbuiltins\neval\n(" + unicode("1") + "tR"), "builtins eval"},
        {pickle("\x8c\2os\x8c\6system\x93)R"), "0x93"},
        {pickle("(ios\nsystem\n"), "0x69"},
        {pickle("ctorch._utils\n_rebuild_tensor_v2\n)\x81"), "0x81"},
        {pickle("(" + unicode("x") + "o"), "0x6f"},
        {pickle("Pabc\n"), "0x50"},
        {pickle("\x82\1"), "0x82"},
        {pickle(unicode("just text")), "dictionary"},
        {pickle("}" + unicode("a") + "K\1s"), "no tensor"},
    };
    for (const auto& [data, reason] : cases) {
        const auto bin = TorchBin::open(folder.write("x.bin", archiveOf(data)));
        ASSERT_FALSE(bin) << reason;
        EXPECT_EQ(bin.error().code, ErrorCode::ModelUnsupported) << reason;
        EXPECT_NE(bin.error().parameter("detail").find(reason), std::string::npos)
            << bin.error().parameter("detail");
    }
}

TEST(TorchBin, damageIsNamed) {
    const TemporaryFolder folder;
    const auto one = [](const std::string& t) { return pickle("}" + unicode("a") + t + "s"); };
    for (const std::string& data :
         {std::string(), std::string("."), pickle("h\1"), pickle("t"), pickle("u"),
          pickle("X\xff\xff\xff\xff"), pickle("ctorch\n"), one(tensor("0", 6, "K\2K\4\x86", "K\4K\1\x86")),
          one(tensor("0", 6, kShape, "K\1K\2\x86")), one(tensor("0", 6, kShape, "K\3\x85")),
          one(tensor("0", 6, kShape, kStride, 1)), one(tensor("1", 6, kShape, kStride)),
          one(tensor("0", 6, "K\2J\xff\xff\xff\xff\x86", kStride)),
          pickle("}" + unicode("a") + tensor("0", 6, kShape, kStride) + "s" + unicode("a") +
                 tensor("0", 6, kShape, kStride) + "s"),
          pickle(")" + std::string(1'000'000, '\x85'))})
        EXPECT_FALSE(TorchBin::open(folder.write("x.bin", archiveOf(data))));
    EXPECT_FALSE(TorchBin::open(folder.write("x.bin", "")));
    EXPECT_FALSE(TorchBin::open(folder.write("x.bin", "\x80\x02}q.")));
    EXPECT_FALSE(TorchBin::open(folder.write("x.bin", zipOf({{"a/data.pkl", goodPickle()}}))));
    EXPECT_FALSE(TorchBin::open(folder.write("x.bin", zipOf({{"a/data.pkl", goodPickle()}}, 8))));
    EXPECT_FALSE(TorchBin::open(folder.write("x.bin", zipOf({{"a/other", ""}}))));
}

TEST(TorchBin, cutsAndNoiseNeverCrash) {
    const TemporaryFolder folder;
    const std::string whole = archiveOf(goodPickle());
    for (std::size_t n = 0; n < whole.size(); n += 3)
        EXPECT_FALSE(TorchBin::open(folder.write("x.bin", whole.substr(0, n)))) << n;
    std::mt19937 random(3);
    int read = 0;
    for (int i = 0; i < 600; ++i) {
        std::string bytes = whole;
        for (int k = static_cast<int>(random() % 3); k >= 0; --k)
            bytes[random() % bytes.size()] = static_cast<char>(random());
        const auto bin = TorchBin::open(folder.write("x.bin", bytes));
        if (!bin) continue;
        ++read;
        for (std::size_t t = 0; t < bin->tensors().size(); ++t)
            EXPECT_EQ(bin->bytes(t).size(), static_cast<std::size_t>(bin->tensors()[t].bytes));
    }
    EXPECT_GT(read, 0);
}

}  // namespace
}  // namespace caravan::engine
