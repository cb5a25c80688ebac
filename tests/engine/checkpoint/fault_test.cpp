// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cerrno>

#include "checkpoint_fixture.h"

namespace caravan::engine::checkpoint {
namespace {

enum class Fault { Error, DiskFull, Short, Interrupted };

// Passes calls on; the k-th one (from 1), or all from it on, goes wrong.
class FaultyIo final : public FileIo {
  public:
    int failAt = 0;  // 0 = never
    bool sticky = false;
    Fault fault = Fault::Error;
    int calls = 0;

    int createFile(const std::string& path) override { return bad() ? code() : m_io.createFile(path); }
    int openFile(const std::string& path) override { return bad() ? code() : m_io.openFile(path); }
    int openFolder(const std::string& path) override { return bad() ? code() : m_io.openFolder(path); }
    std::int64_t write(int descriptor, const void* data, std::size_t bytes) override {
        if (!badData()) return m_io.write(descriptor, data, bytes);
        return fault == Fault::Short ? m_io.write(descriptor, data, std::max<std::size_t>(1, bytes / 2))
                                     : code();
    }
    std::int64_t read(int descriptor, void* data, std::size_t bytes) override {
        if (!badData()) return m_io.read(descriptor, data, bytes);
        return fault == Fault::Short ? m_io.read(descriptor, data, std::max<std::size_t>(1, bytes / 65536))
                                     : code();
    }
    int sync(int descriptor) override { return bad() ? code() : m_io.sync(descriptor); }
    int close(int descriptor) override {
        const bool fail = bad();
        const int status = m_io.close(descriptor);
        return fail ? code() : status;
    }
    int makeFolder(const std::string& path) override { return bad() ? code() : m_io.makeFolder(path); }
    int rename(const std::string& from, const std::string& to) override {
        return bad() ? code() : m_io.rename(from, to);
    }
    int exchange(const std::string& a, const std::string& b) override {
        return bad() ? code() : m_io.exchange(a, b);
    }
    int removeFile(const std::string& path) override { return bad() ? code() : m_io.removeFile(path); }
    int removeFolder(const std::string& path) override { return bad() ? code() : m_io.removeFolder(path); }
    std::int64_t freeBytes(const std::string& path) override { return m_io.freeBytes(path); }

  private:
    FileIo& m_io = systemIo();
    bool m_data = false;  // the call moves bytes
    bool badData() {
        m_data = true;
        const bool answer = bad();
        m_data = false;
        return answer;
    }
    bool bad() {
        ++calls;
        if (fault == Fault::Short && !m_data) return false;
        return failAt != 0 && (calls == failAt || (sticky && calls > failAt));
    }
    [[nodiscard]] int code() const {
        switch (fault) {
            case Fault::DiskFull:
                return -ENOSPC;
            case Fault::Interrupted:
                return -EINTR;
            default:
                return -EIO;
        }
    }
};

struct Case {
    Fault fault;
    bool sticky;
    const char* name;
};

class CheckpointFaults : public ::testing::TestWithParam<Case> {};

int callsOfASave(bool replace) {
    RunFolder run;
    CheckpointStore(run.path()).save(Content(10).content, {.last = 1});
    FaultyIo io;
    CheckpointStore(run.path(), io).save(Content(replace ? 10 : 20).content, {.last = 1});
    return io.calls;
}

// Every call of a save fails in turn: no crash, the run still has a whole checkpoint, a failure names path
// and bytes, and the next save works.
TEST_P(CheckpointFaults, TheRunKeepsAWholeCheckpoint) {
    for (const bool replace : {false, true}) {
        const int total = callsOfASave(replace);
        ASSERT_GT(total, 20);
        for (int k = 1; k <= total; ++k) {
            SCOPED_TRACE("call " + std::to_string(k) + (replace ? ", replacing" : ""));
            RunFolder run;
            CheckpointStore(run.path()).save(Content(10).content, {.last = 1});
            FaultyIo io;
            io.failAt = k;
            io.fault = GetParam().fault;
            io.sticky = GetParam().sticky;
            bool saved = false;
            try {
                CheckpointStore(run.path(), io).save(Content(replace ? 10 : 20).content, {.last = 1});
                saved = true;
            } catch (const EngineException& exception) {
                EXPECT_FALSE(exception.error().parameter("path").empty());
                EXPECT_FALSE(exception.error().parameter("detail").empty() &&
                             exception.error().parameter("needed").empty());
            }
            const StepIndex newest = newestStep(run.path());
            if (saved)
                EXPECT_EQ(newest, replace ? 10 : 20);
            else
                EXPECT_TRUE(newest == 10 || newest == 20) << newest;
            CheckpointStore(run.path()).removeLeftovers();
            CheckpointStore(run.path()).save(Content(30).content, {.last = 1});
            EXPECT_EQ(newestStep(run.path()), 30);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, CheckpointFaults,
    ::testing::Values(Case{Fault::Error, false, "Error"}, Case{Fault::Error, true, "ErrorSticky"},
                      Case{Fault::DiskFull, false, "DiskFull"}, Case{Fault::DiskFull, true, "DiskFullSticky"},
                      Case{Fault::Short, false, "Short"}, Case{Fault::Short, true, "ShortSticky"},
                      Case{Fault::Interrupted, false, "Interrupted"},
                      Case{Fault::Interrupted, true, "InterruptedSticky"}),
    [](const auto& info) { return info.param.name; });

TEST(CheckpointFault, AShortWriteOrAnInterruptionIsNoFailure) {
    for (const Fault fault : {Fault::Short, Fault::Interrupted}) {
        const int total = callsOfASave(false);
        for (int k = 1; k <= total; ++k) {
            RunFolder run;
            FaultyIo io;
            io.failAt = k;
            io.fault = fault;
            EXPECT_NO_THROW(CheckpointStore(run.path(), io).save(Content(20).content, {})) << k;
            EXPECT_EQ(newestStep(run.path()), 20);
        }
    }
}

}  // namespace
}  // namespace caravan::engine::checkpoint
