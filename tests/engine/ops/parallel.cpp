// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace caravan::engine::ops {
namespace {

class ParallelRows : public testing::TestWithParam<int> {
  protected:
    void SetUp() override { setThreads(GetParam()); }
    void TearDown() override { setThreads(0); }
};

TEST_P(ParallelRows, CoversEveryRowOnceAndCutsAtMultiplesOfTheGrain) {
    for (const std::int64_t n : {1, 5, 24, 25, 1000, 1024, 100003})
        for (const std::int64_t grain : {1, 3, 24, 512, 200000}) {
            std::vector<std::atomic<int>> visits(static_cast<std::size_t>(n));
            std::atomic<int> bad{0};
            parallelRows(n, grain, [&](std::int64_t begin, std::int64_t end) {
                if (begin >= end || begin % grain != 0 || (end % grain != 0 && end != n)) ++bad;
                for (std::int64_t i = begin; i < end; ++i)
                    ++visits[static_cast<std::size_t>(i)];
            });
            EXPECT_EQ(bad, 0) << n << " rows, grain " << grain;
            for (const auto& count : visits)
                ASSERT_EQ(count, 1) << n << " rows, grain " << grain;
        }
}

TEST_P(ParallelRows, NothingIsCalledForNoRows) {
    parallelRows(0, 1, [](std::int64_t, std::int64_t) { FAIL(); });
}

INSTANTIATE_TEST_SUITE_P(Threads, ParallelRows, testing::Values(1, 2, 3, 8));

// One row holds its thread up: the rows that were this thread's are done by the others meanwhile.
TEST(ParallelRowsHelp, RowsOfAThreadThatIsHeldUpAreTakenByOthers) {
#ifdef CARAVAN_SERIAL
    GTEST_SKIP() << "this build runs rows in the calling thread";
#endif
    setThreads(2);
    constexpr std::int64_t kRows = 64;
    std::atomic<std::int64_t> others{0};
    std::atomic<bool> waited{false};
    parallelRows(kRows, 1, [&](std::int64_t begin, std::int64_t end) {
        if (begin != 0) {
            others += end - begin;
            return;
        }
        for (int i = 0; i < 1000 && others < kRows - end; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        waited = others == kRows - end;
    });
    EXPECT_TRUE(waited) << others << " rows were done by the other thread";
    setThreads(0);
}

}  // namespace
}  // namespace caravan::engine::ops
