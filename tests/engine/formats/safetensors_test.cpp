// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/safetensors.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/engine/formats/temporary_folder.h"

namespace caravan::engine {
namespace {

using test::safetensorsBytes;
using test::TemporaryFolder;

std::span<const std::byte> asBytes(const std::vector<float>& values) {
    return std::as_bytes(std::span(values));
}

TEST(Safetensors, readsTheFixtures) {
    const auto file = SafetensorsFile::open(test::dataFolder() / "hf/qwen3_qknorm/model.safetensors");
    ASSERT_TRUE(file);
    EXPECT_EQ(file->tensors().size(), 25u);
    EXPECT_EQ(file->metadata().at("format"), "pt");
    const TensorInfo* q = file->find("model.layers.1.self_attn.q_proj.weight");
    ASSERT_TRUE(q);
    EXPECT_EQ(q->shape, (std::vector<std::int64_t>{96, 64}));
    EXPECT_EQ(q->dtype, DType::F32);
    EXPECT_EQ(q->elements(), 96 * 64);
    EXPECT_EQ(file->bytes(*q).size(), 96u * 64 * 4);
    EXPECT_EQ(file->find("model.layers.9.self_attn.q_proj.weight"), nullptr);
    EXPECT_TRUE(file->bytes("none").empty());
}

TEST(Safetensors, writesWhatItReadsAndTheSameBytesTwice) {
    const TemporaryFolder folder;
    const std::vector<TensorSpec> specs{
        {"z", {2, 3}, DType::F32}, {"empty", {0, 5}, DType::BF16}, {"a", {}, DType::F32}};
    std::vector<float> z(6), a{42.0f};
    std::iota(z.begin(), z.end(), 0.5f);
    std::string first;
    for (const char* name : {"one.safetensors", "two.safetensors"}) {
        auto writer = SafetensorsWriter::create(folder.path() / name, specs, {{"zeta", "1"}, {"alpha", "2"}});
        ASSERT_TRUE(writer);
        ASSERT_TRUE(writer->write("z", asBytes(z).first(8)));
        ASSERT_TRUE(writer->write("z", asBytes(z).subspan(8)));
        ASSERT_TRUE(writer->write("a", asBytes(a)));
        const auto size = writer->finish(SafetensorsWriter::Sync::Yes);
        ASSERT_TRUE(size);
        const std::string bytes = test::readAll(folder.path() / name);
        EXPECT_EQ(*size, static_cast<Bytes>(bytes.size()));
        if (first.empty()) first = bytes;
        EXPECT_EQ(bytes, first);
    }
    EXPECT_LT(first.find("alpha"), first.find("zeta"));
    const auto file = SafetensorsFile::open(folder.path() / "one.safetensors");
    ASSERT_TRUE(file);
    EXPECT_EQ(file->tensors()[0].offset % 8, 0);
    EXPECT_EQ(std::memcmp(file->bytes("z").data(), z.data(), 24), 0);
    EXPECT_EQ(file->find("empty")->shape, (std::vector<std::int64_t>{0, 5}));
    EXPECT_EQ(file->metadata().at("alpha"), "2");
}

TEST(Safetensors, aWriterThatIsNotFinishedLeavesNothing) {
    const TemporaryFolder folder;
    const auto path = folder.path() / "x.safetensors";
    {
        auto writer = SafetensorsWriter::create(path, {{"a", {2}, DType::F32}, {"b", {1}, DType::F32}});
        ASSERT_TRUE(writer);
        const std::vector<float> values(2);
        EXPECT_EQ(writer->write("b", asBytes(values).first(4)).error().code,
                  ErrorCode::Internal);  // not its turn
        EXPECT_TRUE(writer->write("a", asBytes(values)));
        EXPECT_EQ(writer->write("b", asBytes(values)).error().code, ErrorCode::Internal);  // too many bytes
        EXPECT_EQ(writer->finish(SafetensorsWriter::Sync::No).error().code, ErrorCode::Internal);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
    const auto nowhere =
        SafetensorsWriter::create(folder.path() / "none/x.safetensors", {{"a", {2}, DType::F32}});
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().code, ErrorCode::WriteFailed);
}

TEST(Safetensors, aFullDiskIsNamed) {
    if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
    auto writer = SafetensorsWriter::create("/dev/full", {{"a", {2}, DType::F32}});
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().code, ErrorCode::WriteFailed);
    EXPECT_EQ(writer.error().parameter("path"), "/dev/full");
    EXPECT_TRUE(std::filesystem::exists("/dev/full")) << "a device is never removed";
}

TEST(Safetensors, everyCutIsRefused) {
    const TemporaryFolder folder;
    const std::string whole = safetensorsBytes(
        R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"U8","shape":[3],"data_offsets":[16,19]}})",
        19);
    const auto path = folder.write("x", whole);
    ASSERT_TRUE(SafetensorsFile::open(path));
    for (std::size_t n = 0; n < whole.size(); ++n) {
        folder.write("x", whole.substr(0, n));
        const auto file = SafetensorsFile::open(path);
        ASSERT_FALSE(file) << n;
        EXPECT_EQ(file.error().code, ErrorCode::FileBad) << n;
    }
    folder.write("x", whole + "y");
    EXPECT_FALSE(SafetensorsFile::open(path));
}

struct Hostile {
    const char* name;
    const char* header;
    std::size_t dataBytes;
};
void PrintTo(const Hostile& hostile, std::ostream* out) {
    *out << hostile.name;
}
class HostileSafetensors : public testing::TestWithParam<Hostile> {};

TEST_P(HostileSafetensors, isRefusedWithFilePlaceAndReason) {
    const TemporaryFolder folder;
    const auto file = SafetensorsFile::open(
        folder.write("x.safetensors", safetensorsBytes(GetParam().header, GetParam().dataBytes)));
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().parameter("file").find("x.safetensors"), std::string::npos);
    EXPECT_NE(file.error().parameter("detail"), "");
}

#define T(dtype, shape, offsets) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
INSTANTIATE_TEST_SUITE_P(
    Files, HostileSafetensors,
    testing::Values(
        Hostile{"overlap", "{\"a\":" T("F32", "[2]", "[0,8]") ",\"b\":" T("F32", "[2]", "[4,12]") "}", 12},
        Hostile{"same bytes twice", "{\"a\":" T("F32", "[2]", "[0,8]") ",\"b\":" T("F32", "[2]", "[0,8]") "}",
                8},
        Hostile{"hole", "{\"a\":" T("F32", "[2]", "[0,8]") ",\"b\":" T("F32", "[2]", "[12,20]") "}", 20},
        Hostile{"hole at the begin", "{\"a\":" T("F32", "[2]", "[4,12]") "}", 12},
        Hostile{"rest at the end", "{\"a\":" T("F32", "[2]", "[0,8]") "}", 9},
        Hostile{"beyond the end", "{\"a\":" T("F32", "[2]", "[0,8]") "}", 7},
        Hostile{"size is not shape times dtype", "{\"a\":" T("F32", "[3]", "[0,8]") "}", 8},
        Hostile{"end before begin", "{\"a\":" T("F32", "[2]", "[8,0]") "}", 8},
        Hostile{"negative offset", "{\"a\":" T("F32", "[2]", "[-8,0]") "}", 8},
        Hostile{"negative size", "{\"a\":" T("F32", "[-2]", "[0,8]") "}", 8},
        Hostile{"product overflows", "{\"a\":" T("F32", "[4611686018427387904,4]", "[0,0]") "}", 0},
        Hostile{"product overflows to its size", "{\"a\":" T("U8", "[4294967296,4294967296]", "[0,0]") "}",
                0},
        Hostile{"offset above 2^63",
                "{\"a\":" T("U8", "[1]", "[18446744073709551615,18446744073709551616]") "}", 1},
        Hostile{"size above 2^63", "{\"a\":" T("U8", "[18446744073709551615]", "[0,1]") "}", 1},
        Hostile{"fraction as size", "{\"a\":" T("U8", "[1.5]", "[0,1]") "}", 1},
        Hostile{"NaN as size", "{\"a\":" T("U8", "[NaN]", "[0,1]") "}", 1},
        Hostile{"text as offset", "{\"a\":" T("U8", "[1]", "[\"0\",\"1\"]") "}", 1},
        Hostile{"three offsets", "{\"a\":" T("U8", "[1]", "[0,1,2]") "}", 1},
        Hostile{"shape is no list", "{\"a\":" T("U8", "1", "[0,1]") "}", 1},
        Hostile{"seventeen dimensions", "{\"a\":" T("U8", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,1]") "}",
                1},
        Hostile{"unknown dtype", "{\"a\":" T("F8_E4M3", "[1]", "[0,1]") "}", 1},
        Hostile{"duplicate tensor", "{\"a\":" T("U8", "[1]", "[0,1]") ",\"a\":" T("U8", "[1]", "[0,1]") "}",
                1},
        Hostile{"duplicate key in a tensor",
                "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1},
        Hostile{"missing shape", "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1},
        Hostile{"unknown entry", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"more\":1}}",
                1},
        Hostile{"tensor is a number", "{\"a\":1}", 0},
        Hostile{"metadata is a list", "{\"__metadata__\":[]}", 0},
        Hostile{"metadata of numbers", "{\"__metadata__\":{\"a\":1}}", 0},
        Hostile{"header is a list", "[]", 0}, Hostile{"header begins with a space", " {}", 0},
        Hostile{"header is text", "hello", 0}, Hostile{"header is empty", "", 0},
        Hostile{"deep header", "{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}", 0}));
#undef T

TEST(Safetensors, headerLengthsThatLie) {
    const TemporaryFolder folder;
    std::string bytes = safetensorsBytes("{}", 0);
    ASSERT_TRUE(SafetensorsFile::open(folder.write("x", bytes)));
    for (const std::uint64_t length :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{100'000'000},
          std::uint64_t{100'000'001}, std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
        std::memcpy(bytes.data(), &length, 8);
        EXPECT_FALSE(SafetensorsFile::open(folder.write("x", bytes))) << length;
    }
    EXPECT_EQ(SafetensorsFile::open(folder.path() / "none").error().code, ErrorCode::FileMissing);
    EXPECT_EQ(SafetensorsFile::open(folder.path()).error().code, ErrorCode::FileUnreadable);
}

}  // namespace
}  // namespace caravan::engine
