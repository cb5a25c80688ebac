// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <c10/core/CPUAllocator.h>

#include <atomic>

#include "tests/engine/train/session_fixture.h"

namespace caravan::engine::train {
namespace {

// The CPU's allocator with a limit on a single tensor, worded as the real one is when it has none to give.
class ShortAllocator final : public c10::Allocator {
  public:
    explicit ShortAllocator(c10::Allocator* real) : m_real(real) {}
    c10::DataPtr allocate(std::size_t bytes) override { return m_real->allocate(checked(bytes)); }
    [[nodiscard]] c10::DeleterFnPtr raw_deleter() const override { return m_real->raw_deleter(); }
    void copy_data(void* to, const void* from, std::size_t count) const override {
        default_copy_data(to, from, count);
    }
    std::atomic<std::size_t> limit{SIZE_MAX};
    std::atomic<int> refusals{1 << 30};  // that are left
    std::atomic<std::size_t> largest{0};

  private:
    std::size_t checked(std::size_t bytes) {
        if (bytes > largest) largest = bytes;
        TORCH_CHECK(bytes <= limit || refusals-- <= 0,
                    "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", bytes,
                    " bytes. Error code 12 (Cannot allocate memory)");
        return bytes;
    }
    c10::Allocator* m_real;
};

class MemoryTest : public SessionTest {
  protected:
    void SetUp() override {
        SessionTest::SetUp();
        m_real = c10::GetCPUAllocator();
        m_short = std::make_unique<ShortAllocator>(m_real);
        c10::SetCPUAllocator(m_short.get(), 100);
    }
    void TearDown() override {
        m_recorder->setAct({});
        c10::SetCPUAllocator(m_real, 100);
    }
    // The largest tensor that steps 2 to 6 of a run ask for, bytes.
    std::size_t largestOf(const char* name) {
        std::size_t largest = 0;
        m_recorder->setAct([&](const RunEvent& event) {
            const auto* step = std::get_if<StepMetrics>(&event);
            if (step != nullptr && step->step == 1) m_short->largest = 0;
            if (step != nullptr && step->step == 6) largest = m_short->largest;
        });
        EXPECT_EQ(start(name)->wait(), RunState::Finished);
        m_recorder->setAct({});
        m_recorder->clear();
        return largest;
    }
    c10::Allocator* m_real = nullptr;
    std::unique_ptr<ShortAllocator> m_short;
};

TEST_F(MemoryTest, ARunThatDoesNotFitPausesAndGoesOnWithSmallerMicroBatches) {
    const std::size_t whole = largestOf("whole");
    m_recipe.tune.microBatchTokens = 60;
    const std::size_t small = largestOf("small");
    ASSERT_LT(small, whole);
    m_recipe.tune.microBatchTokens = 300;
    const auto session = startAndAt("short", 3, [&](Session&) { m_short->limit = (small + whole) / 2; });
    ASSERT_TRUE(m_recorder->waitFor(RunState::Paused));
    m_recorder->setAct({});
    const StepIndex at = session->step();  // the next one is too long
    EXPECT_GE(at, 3);
    EXPECT_LT(at, 8);
    const auto reason = m_recorder->all<StateChange>().back().reason;
    ASSERT_TRUE(reason);
    EXPECT_EQ(reason->code, ErrorCode::MemoryShort);
    EXPECT_GT(std::stoull(std::string(reason->parameter("needed"))), m_short->limit);
    EXPECT_GT(std::stoull(std::string(reason->parameter("available"))), 0U);
    EXPECT_EQ(reason->parameter("micro_batch_tokens"), "300");
    EXPECT_EQ(reason->parameter("longest_row"), "512");
    // Without a change it does not fit again.
    m_recorder->clear();
    session->resume();
    ASSERT_TRUE(m_recorder->waitFor(RunState::Paused));
    EXPECT_EQ(session->step(), at);
    ASSERT_TRUE(session->change("tune.micro_batch_tokens", "60"));
    session->resume();
    ASSERT_EQ(session->wait(), RunState::Finished);
    EXPECT_EQ(losses("short").size(), 8U);
    for (const auto& [step, loss] : losses("whole"))
        EXPECT_NEAR(losses("short").at(step), loss, 0.05) << step;  // other masks, the same rows
    // The recipe of that run folder repeats the run, change included.
    m_short->limit = SIZE_MAX;
    ASSERT_EQ(Session::start({readRecipe(run("short")), run("short").string(), run("again").string(), {}},
                             m_recorder, {.threads = 1})
                  ->wait(),
              RunState::Finished);
    EXPECT_EQ(losses("short"), losses("again"));
    EXPECT_TRUE(adapters("short", "step-000008") == adapters("again", "step-000008"));
    EXPECT_FALSE(adapters("short", "step-000008") == adapters("whole", "step-000008"));
}

TEST_F(MemoryTest, AStepThatRanShortOnceIsMadeAgainFromItsBeginning) {
    const std::size_t whole = largestOf("whole");
    const auto session = startAndAt("once", 3, [&](Session&) {
        m_short->refusals = 1;
        m_short->limit = whole - 1;
    });
    ASSERT_TRUE(m_recorder->waitFor(RunState::Paused));
    m_recorder->setAct({});
    session->resume();
    ASSERT_EQ(session->wait(), RunState::Finished);
    EXPECT_EQ(losses("whole"), losses("once"));
    EXPECT_TRUE(adapters("whole", "step-000008") == adapters("once", "step-000008"));
}

}  // namespace
}  // namespace caravan::engine::train
