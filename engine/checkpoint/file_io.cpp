// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/checkpoint/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

namespace caravan::engine::checkpoint {
namespace {

template <class T>
T result(T value) {
    return value < 0 ? static_cast<T>(-errno) : value;
}

class SystemIo final : public FileIo {
  public:
    int createFile(const std::string& path) override {
        return result(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    }
    int openFile(const std::string& path) override {
        return result(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    }
    int openFolder(const std::string& path) override {
        return result(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    std::int64_t write(int descriptor, const void* data, std::size_t bytes) override {
        return result<std::int64_t>(::write(descriptor, data, bytes));
    }
    std::int64_t read(int descriptor, void* data, std::size_t bytes) override {
        return result<std::int64_t>(::read(descriptor, data, bytes));
    }
    int sync(int descriptor) override { return result(::fsync(descriptor)); }
    int close(int descriptor) override { return result(::close(descriptor)); }
    int makeFolder(const std::string& path) override { return result(::mkdir(path.c_str(), 0755)); }
    int rename(const std::string& from, const std::string& to) override {
        return result(::rename(from.c_str(), to.c_str()));
    }
    int exchange(const std::string& a, const std::string& b) override {
        return result(::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE));
    }
    int removeFile(const std::string& path) override { return result(::unlink(path.c_str())); }
    int removeFolder(const std::string& path) override { return result(::rmdir(path.c_str())); }
    std::int64_t freeBytes(const std::string& path) override {
        struct statvfs status {};
        if (::statvfs(path.c_str(), &status) < 0) return -errno;
        return static_cast<std::int64_t>(status.f_bavail) * static_cast<std::int64_t>(status.f_frsize);
    }
};

}  // namespace

FileIo& systemIo() {
    static SystemIo io;
    return io;
}

}  // namespace caravan::engine::checkpoint
