// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/routing_file.h"
#include "tests/projects/support.h"

namespace caravan::projects::testing {
namespace {

using namespace engine;

const RoutingShape kShape{{0, 2}, 4, 2, {"general", "code"}};

RoutingRecord record(StepIndex first, StepIndex last, float value) {
    RoutingRecord r;
    r.firstStep = first;
    r.step = last;
    r.layers = kShape.layers;
    r.experts = kShape.experts;
    r.topK = kShape.topK;
    r.domains = kShape.domains;
    r.values.assign(kShape.valueCount(), value);
    r.values[r.index(1, 3, 1, 1, 1, 1)] = value * 10;
    return r;
}

TEST(RoutingFile, StrideOfTheDesign) {
    const auto shape = [](std::int64_t layers, std::int64_t experts) {
        RoutingShape s;
        s.layers.resize(static_cast<std::size_t>(layers));
        s.experts = experts;
        s.domains = {"a", "b", "c"};
        return s.recordBytes();
    };
    EXPECT_EQ(routingStride(10'000, shape(32, 8)), 1);
    EXPECT_EQ(routingStride(10'000, shape(80, 128)), 37);
    EXPECT_EQ(routingStride(1, Bytes{1} << 40, Bytes{1} << 40), 1);
    EXPECT_EQ(routingStride(0, 100), 1);
}

TEST(RoutingFile, AppendsReadsAndSums) {
    const Scratch scratch;
    const std::string path = scratch.path() / "routing.bin";
    EXPECT_EQ(RoutingFileReader::open(path).error().code, ErrorCode::FileMissing);
    auto writer = take(RoutingFileWriter::open(path, kShape));
    auto reader = take(RoutingFileReader::open(path));
    EXPECT_TRUE(reader.entries().empty());
    EXPECT_FALSE(take(reader.at(5)));
    for (StepIndex s = 1; s <= 9; s += 3)
        take(writer.append(record(s, s + 2, static_cast<float>(s))));
    take(writer.sync());
    EXPECT_TRUE(take(reader.refresh()));
    EXPECT_FALSE(take(reader.refresh()));
    ASSERT_EQ(reader.entries().size(), 3u);
    EXPECT_EQ(reader.shape(), kShape);
    EXPECT_EQ(take(reader.at(5))->step, 3);
    EXPECT_EQ(take(reader.at(6))->firstStep, 4);
    const auto sum = *take(reader.sum(4, 9));
    EXPECT_EQ(sum.firstStep, 4);
    EXPECT_EQ(sum.step, 9);
    EXPECT_EQ(sum.values[0], 4.f + 7.f);
    EXPECT_EQ(sum.values[sum.index(1, 3, 1, 1, 1, 1)], 110.f);
    EXPECT_FALSE(take(reader.sum(10, 20)));
}

TEST(RoutingFile, RepeatedStepsReplaceFormerRecords) {
    const Scratch scratch;
    const std::string path = scratch.path() / "routing.bin";
    auto writer = take(RoutingFileWriter::open(path, kShape));
    for (StepIndex s = 1; s <= 6; ++s)
        take(writer.append(record(s, s, 1)));
    take(writer.append(record(4, 4, 5)));
    const auto reader = take(RoutingFileReader::open(path));
    ASSERT_EQ(reader.entries().size(), 4u);
    EXPECT_EQ(take(reader.sum(1, 10))->values[0], 8.f);
}

TEST(RoutingFile, EveryTornTailIsToleratedAndCutOff) {
    const Scratch scratch;
    const std::string path = scratch.path() / "routing.bin";
    {
        auto writer = take(RoutingFileWriter::open(path, kShape));
        for (StepIndex s = 1; s <= 3; ++s)
            take(writer.append(record(s, s, static_cast<float>(s))));
    }
    const std::string whole = readText(path);
    const auto recordBytes = static_cast<std::size_t>(kShape.recordBytes());
    const std::size_t header = whole.size() - 3 * recordBytes;
    for (std::size_t size = 0; size <= whole.size(); size += 7) {
        writeText(path, whole.substr(0, size));
        const auto reader = RoutingFileReader::open(path);
        if (size < header) {
            EXPECT_FALSE(reader);
        } else {
            ASSERT_TRUE(reader) << size;
            EXPECT_EQ(reader->entries().size(), (size - header) / recordBytes);
        }
        auto writer = take(RoutingFileWriter::open(path, kShape));
        take(writer.append(record(9, 9, 9)));
        const auto again = take(RoutingFileReader::open(path));
        EXPECT_EQ(take(again.at(9))->values[0], 9.f) << size;
    }
}

TEST(RoutingFile, RefusesForeignAndDamagedFiles) {
    const Scratch scratch;
    const std::string path = scratch.path() / "routing.bin";
    {
        auto writer = take(RoutingFileWriter::open(path, kShape));
        take(writer.append(record(1, 1, 1)));
    }
    const std::string whole = readText(path);
    for (std::size_t i = 0; i < whole.size(); ++i) {
        std::string bytes = whole;
        bytes[i] = static_cast<char>(bytes[i] ^ 0x41);
        writeText(path, bytes);
        const auto reader = RoutingFileReader::open(path);
        if (!reader || reader->entries().empty()) continue;
        const auto found = reader->read(reader->entries()[0]);
        // Found out, unless only blanks of the header or the padding behind the checksum changed.
        if (found) EXPECT_EQ(found->values, record(1, 1, 1).values) << i;
    }
    writeText(path, whole);
    RoutingShape other = kShape;
    other.experts = 8;
    EXPECT_EQ(RoutingFileWriter::open(path, other).error().code, ErrorCode::FileBad);
    writeText(path, std::string(whole.substr(0, 12)) + "\xFF\xFF\xFF\x7F" + whole.substr(16));
    EXPECT_EQ(RoutingFileReader::open(path).error().code, ErrorCode::FileBad);
}

}  // namespace
}  // namespace caravan::projects::testing
