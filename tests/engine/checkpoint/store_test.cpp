// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "checkpoint_fixture.h"

namespace caravan::engine::checkpoint {
namespace {

namespace fs = std::filesystem;

TEST(CheckpointStore, SavesAndLoadsWhatWasGiven) {
    RunFolder run;
    CheckpointStore store(run.path());
    Content content(30);
    const auto info = store.save(content.content, {});
    EXPECT_EQ(info.step, 30);
    EXPECT_EQ(fs::path(info.path).filename(), "step-000030");
    Bytes bytes = 0;
    for (const auto& entry : fs::directory_iterator(info.path))
        bytes += static_cast<Bytes>(entry.file_size());
    EXPECT_EQ(info.bytes, bytes);

    const auto loaded = load(info.path);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->state.threads, 2);
    EXPECT_EQ(loaded->state.device, "cpu");
    EXPECT_EQ(loaded->state.session.at("best"), 30);
    ASSERT_EQ(loaded->trainable.size(), 2u);
    EXPECT_EQ(loaded->trainable[0].key, "a.down");
    EXPECT_EQ(loaded->trainable[1].shape, std::vector<std::int64_t>{12});
    EXPECT_EQ(std::memcmp(loaded->optimizer[0].bytes.data(), content.moments.data(), 24 * sizeof(float)), 0);
    EXPECT_EQ(newestStep(run.path()), 30);
}

TEST(CheckpointStore, EqualTensorsGiveEqualBytes) {
    RunFolder one, two;
    Content content(5);
    CheckpointStore(one.path()).save(content.content, {});
    std::reverse(content.content.trainable.begin(), content.content.trainable.end());
    CheckpointStore(two.path()).save(content.content, {});
    EXPECT_EQ(fileText(checkpointFolder(one.path(), 5) / kTrainableFile),
              fileText(checkpointFolder(two.path(), 5) / kTrainableFile));
}

TEST(CheckpointStore, KeepsTheLastThreeTheBestAndEveryKth) {
    RunFolder run;
    CheckpointStore store(run.path());
    for (StepIndex step = 1; step <= 12; ++step)
        store.save(Content(step).content, {.last = 3, .best = 4, .every = 5});
    EXPECT_EQ(listCheckpoints(run.path()), (std::vector<StepIndex>{4, 5, 10, 11, 12}));
}

TEST(CheckpointStore, ReplacesACheckpointOfTheSameStep) {
    RunFolder run;
    CheckpointStore store(run.path());
    Content content(9);
    store.save(content.content, {});
    content.content.state.threads = 5;
    store.save(content.content, {});
    EXPECT_EQ(load(checkpointFolder(run.path(), 9))->state.threads, 5);
    EXPECT_FALSE(fs::exists(checkpointFolder(run.path(), 9).string() + ".tmp"));
}

TEST(CheckpointStore, RefusesToStartWithoutSpace) {
    RunFolder run;
    CheckpointStore store(run.path());
    store.requireSpace(1024);
    try {
        store.requireSpace(Bytes{1} << 60);
        FAIL();
    } catch (const EngineException& exception) {
        EXPECT_EQ(exception.error().code, ErrorCode::DiskShort);
        EXPECT_EQ(exception.error().parameter("path"), run.path().string());
        EXPECT_EQ(exception.error().parameter("needed"), std::to_string(Bytes{1} << 61));
    }
}

TEST(CheckpointStore, EverySingleBitFlipIsFoundAndFallsBack) {
    RunFolder run;
    CheckpointStore store(run.path());
    store.save(Content(1).content, {});
    store.save(Content(2).content, {});
    const fs::path newest = checkpointFolder(run.path(), 2);
    int tried = 0;
    for (const char* name : {kTrainableFile, kOptimizerFile, kStateFile, kManifestFile}) {
        const std::string good = fileText(newest / name);
        for (std::size_t bit = 0; bit < good.size() * 8; bit += 5) {
            std::string bad = good;
            bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
            std::ofstream(newest / name, std::ios::binary) << bad;
            std::vector<std::string> notes;
            const auto found = latestVerified(run.path(), &notes);
            ASSERT_TRUE(found);
            ASSERT_EQ(found->filename(), "step-000001") << name << " bit " << bit;
            ASSERT_EQ(notes.size(), 1u);
            ++tried;
        }
        std::ofstream(newest / name, std::ios::binary) << good;
    }
    EXPECT_GT(tried, 1500);
    EXPECT_EQ(newestStep(run.path()), 2);
}

TEST(CheckpointStore, MissingFilesAndForeignNamesAreNoCheckpoint) {
    RunFolder run;
    CheckpointStore store(run.path());
    EXPECT_EQ(latestVerified(run.path()).error().code, ErrorCode::NotFound);
    store.save(Content(3).content, {});
    fs::create_directories(run.path() / "checkpoints" / "step-000004.tmp");
    fs::create_directories(run.path() / "checkpoints" / "step-5");
    fs::create_directories(run.path() / "checkpoints" / "step-000006");
    EXPECT_EQ(listCheckpoints(run.path()), (std::vector<StepIndex>{3, 6}));
    EXPECT_EQ(newestStep(run.path()), 3);
    fs::copy(checkpointFolder(run.path(), 3), checkpointFolder(run.path(), 7));
    EXPECT_FALSE(verify(checkpointFolder(run.path(), 7))) << "a copy under another step is not that step";
    store.removeLeftovers();
    EXPECT_FALSE(fs::exists(run.path() / "checkpoints" / "step-000004.tmp"));
    fs::remove(checkpointFolder(run.path(), 3) / kOptimizerFile);
    const auto verified = verify(checkpointFolder(run.path(), 3));
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().code, ErrorCode::CheckpointDamaged);
}

}  // namespace
}  // namespace caravan::engine::checkpoint
