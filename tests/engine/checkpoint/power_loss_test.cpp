// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <random>

#include "checkpoint_fixture.h"

namespace caravan::engine::checkpoint {
namespace {

namespace fs = std::filesystem;

struct Operation {
    enum class Kind {
        Create,
        Write,
        Sync,
        MakeFolder,
        Rename,
        Exchange,
        RemoveFile,
        RemoveFolder,
        SyncFolder
    } kind;
    std::string path, other, bytes;
};

// Does everything and keeps a log of it.
class LoggingIo final : public FileIo {
  public:
    std::vector<Operation> log;

    int createFile(const std::string& path) override {
        return named(m_io.createFile(path), path, Operation::Kind::Create);
    }
    int openFile(const std::string& path) override { return m_io.openFile(path); }
    int openFolder(const std::string& path) override {
        const int descriptor = m_io.openFolder(path);
        m_folders[descriptor] = path;
        return descriptor;
    }
    std::int64_t write(int descriptor, const void* data, std::size_t bytes) override {
        const auto done = m_io.write(descriptor, data, bytes);
        if (done > 0)
            log.push_back({Operation::Kind::Write,
                           m_files[descriptor],
                           "",
                           {static_cast<const char*>(data), static_cast<std::size_t>(done)}});
        return done;
    }
    std::int64_t read(int descriptor, void* data, std::size_t bytes) override {
        return m_io.read(descriptor, data, bytes);
    }
    int sync(int descriptor) override {
        if (m_folders.contains(descriptor))
            log.push_back({Operation::Kind::SyncFolder, m_folders[descriptor], "", ""});
        else
            log.push_back({Operation::Kind::Sync, m_files[descriptor], "", ""});
        return m_io.sync(descriptor);
    }
    int close(int descriptor) override {
        m_files.erase(descriptor);
        m_folders.erase(descriptor);
        return m_io.close(descriptor);
    }
    int makeFolder(const std::string& path) override {
        return logged(m_io.makeFolder(path), {Operation::Kind::MakeFolder, path, "", ""});
    }
    int rename(const std::string& from, const std::string& to) override {
        return logged(m_io.rename(from, to), {Operation::Kind::Rename, from, to, ""});
    }
    int exchange(const std::string& a, const std::string& b) override {
        return logged(m_io.exchange(a, b), {Operation::Kind::Exchange, a, b, ""});
    }
    int removeFile(const std::string& path) override {
        return logged(m_io.removeFile(path), {Operation::Kind::RemoveFile, path, "", ""});
    }
    int removeFolder(const std::string& path) override {
        return logged(m_io.removeFolder(path), {Operation::Kind::RemoveFolder, path, "", ""});
    }
    std::int64_t freeBytes(const std::string& path) override { return m_io.freeBytes(path); }

  private:
    FileIo& m_io = systemIo();
    std::map<int, std::string> m_files, m_folders;
    int logged(int status, Operation operation) {
        if (status >= 0) log.push_back(std::move(operation));
        return status;
    }
    int named(int descriptor, const std::string& path, Operation::Kind kind) {
        if (descriptor >= 0) {
            m_files[descriptor] = path;
            log.push_back({kind, path, "", ""});
        }
        return descriptor;
    }
};

bool synced(const std::vector<Operation>& log, std::size_t at, std::size_t crash) {
    const Operation& operation = log[at];
    const bool data = operation.kind == Operation::Kind::Write;
    const std::string target = data ? operation.path : fs::path(operation.path).parent_path().string();
    for (std::size_t i = at + 1; i < crash; ++i)
        if (log[i].kind == (data ? Operation::Kind::Sync : Operation::Kind::SyncFolder) &&
            log[i].path == target)
            return true;
    return false;
}

// What a disk may hold after the power went: synced operations, and any of the others, whole, torn or not at
// all.
void replay(const std::vector<Operation>& log, std::size_t crash, const fs::path& from, const fs::path& to,
            std::mt19937& random) {
    const auto moved = [&](const std::string& path) {
        return to.string() + path.substr(from.string().size());
    };
    std::error_code error;
    for (std::size_t i = 0; i < crash; ++i) {
        const Operation& operation = log[i];
        const bool sure = synced(log, i, crash);
        const int luck = static_cast<int>(random() % 3);  // 0 dropped, 1 torn, 2 done
        if (!sure && luck == 0) continue;
        const std::string path = moved(operation.path);
        switch (operation.kind) {
            case Operation::Kind::Create:
                std::ofstream(path, std::ios::binary);
                break;
            case Operation::Kind::Write: {
                std::string bytes = operation.bytes;
                if (!sure && luck == 1)
                    bytes.replace(bytes.size() / 2, std::string::npos, bytes.size() - bytes.size() / 2, '\0');
                if (fs::exists(path)) std::ofstream(path, std::ios::binary | std::ios::app) << bytes;
                break;
            }
            case Operation::Kind::MakeFolder:
                fs::create_directory(path, error);
                break;
            case Operation::Kind::Rename:
                fs::rename(path, moved(operation.other), error);
                break;
            case Operation::Kind::Exchange:
                systemIo().exchange(path, moved(operation.other));
                break;
            case Operation::Kind::RemoveFile:
            case Operation::Kind::RemoveFolder:
                fs::remove(path, error);
                break;
            default:
                break;
        }
    }
}

// One save after a first one, cut at every point, several images each: always the old or the new state, never
// nothing.
void everyImageIsOldOrNew(StepIndex second, int imagesPerPoint) {
    RunFolder run, before;
    CheckpointStore(run.path()).save(Content(10).content, {.last = 1});
    fs::copy(run.path(), before.path(), fs::copy_options::recursive);
    LoggingIo io;
    CheckpointStore(run.path(), io).save(Content(second).content, {.last = 1});
    ASSERT_GT(io.log.size(), 15u);
    std::mt19937 random(1);
    int seenOld = 0, seenNew = 0;
    for (std::size_t crash = 0; crash <= io.log.size(); ++crash)
        for (int image = 0; image < imagesPerPoint; ++image) {
            RunFolder disk;
            fs::copy(before.path(), disk.path(), fs::copy_options::recursive);
            replay(io.log, crash, run.path(), disk.path(), random);
            const StepIndex newest = newestStep(disk.path());
            ASSERT_TRUE(newest == 10 || newest == second)
                << "after operation " << crash << ", image " << image << ": " << newest;
            ++(newest == 10 ? seenOld : seenNew);
        }
    EXPECT_GT(seenOld, 0);
    EXPECT_TRUE(second == 10 || seenNew > 0);
}

TEST(CheckpointPowerLoss, ANewStep) {
    everyImageIsOldOrNew(20, 25);
}
TEST(CheckpointPowerLoss, TheSameStepAgain) {
    everyImageIsOldOrNew(10, 15);
}

}  // namespace
}  // namespace caravan::engine::checkpoint
