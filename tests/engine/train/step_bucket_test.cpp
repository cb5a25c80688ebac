// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/step_bucket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

namespace caravan::engine::train {
namespace {

std::vector<std::int64_t> offsetsOf(const std::vector<std::int64_t>& lengths) {
    std::vector<std::int64_t> offsets{0};
    for (const std::int64_t length : lengths)
        offsets.push_back(offsets.back() + length);
    return offsets;
}

TEST(StepBucket, TakesShortMicroBatchesOnly) {
    EXPECT_FALSE(bucketOf({}));
    EXPECT_FALSE(bucketOf(offsetsOf({})));
    EXPECT_TRUE(bucketOf(offsetsOf({1})));
    EXPECT_TRUE(bucketOf(offsetsOf({8192})));
    EXPECT_FALSE(bucketOf(offsetsOf({8193})));
}

TEST(StepBucket, PadsNothingWhereAllRowsAreOfOneLength) {
    const auto one = bucketOf(offsetsOf({512}));
    ASSERT_TRUE(one);
    EXPECT_EQ(*one, (StepBucket{512, 1, 512, true}));
    EXPECT_TRUE(paddingRows(*one, 1, 512).empty());
    EXPECT_EQ(*bucketOf(offsetsOf({2048, 2048, 2048, 2048})), (StepBucket{8192, 4, 2048, true}));
    EXPECT_FALSE(bucketOf(offsetsOf({500}))->even);
}

TEST(StepBucket, PaddingFillsTheBucketWithRowsThatAreNotEmpty) {
    std::mt19937 random(3);
    for (int i = 0; i < 2000; ++i) {
        const auto rows = std::uniform_int_distribution<std::int64_t>(1, 60)(random);
        std::vector<std::int64_t> lengths;
        for (std::int64_t row = 0; row < rows; ++row)
            lengths.push_back(std::uniform_int_distribution<std::int64_t>(1, 8192 / rows)(random));
        const auto offsets = offsetsOf(lengths);
        const auto bucket = bucketOf(offsets);
        ASSERT_TRUE(bucket);
        const auto padding = paddingRows(*bucket, rows, offsets.back());
        ASSERT_EQ(rows + static_cast<std::int64_t>(padding.size()), bucket->rows);
        ASSERT_EQ(std::accumulate(padding.begin(), padding.end(), offsets.back()), bucket->tokens);
        for (const std::int64_t length : padding) {
            ASSERT_GE(length, 1);
            ASSERT_LE(length, bucket->longest);
        }
        ASSERT_LE(*std::max_element(lengths.begin(), lengths.end()), bucket->longest);
        ASSERT_LE(bucket->longest, bucket->tokens);
        ASSERT_TRUE(bucket->even || bucket->rows * bucket->longest != bucket->tokens);
        ASSERT_TRUE(offsets.back() < 1024 ||
                    static_cast<double>(bucket->tokens) < static_cast<double>(offsets.back()) * 1.07 + 8);
    }
}

// Steps of 32 rows as in the reference run: few shapes, little padding.
TEST(StepBucket, FewShapesServeTheStepsOfARun) {
    std::mt19937 random(4);
    std::set<StepBucket> buckets;
    double padded = 0, all = 0;
    for (int step = 0; step < 278; ++step) {
        std::vector<std::int64_t> lengths;
        for (int row = 0; row < 32; ++row)
            lengths.push_back(std::uniform_int_distribution<std::int64_t>(20, 380)(random));
        const auto offsets = offsetsOf(lengths);
        const auto bucket = bucketOf(offsets);
        ASSERT_TRUE(bucket);
        buckets.insert(*bucket);
        padded += static_cast<double>(bucket->tokens - offsets.back());
        all += static_cast<double>(offsets.back());
    }
    EXPECT_LT(padded, 0.04 * all);
    EXPECT_LE(buckets.size(), 20U);
}

}  // namespace
}  // namespace caravan::engine::train
