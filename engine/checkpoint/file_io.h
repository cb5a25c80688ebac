// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace caravan::engine::checkpoint {

// The system calls of durable writing, as a seam: tests make the k-th call fail. Every call returns a value
// >= 0, or -errno; reads and writes may be short and may give -EINTR (callers go on). Not locked: one writer
// per object.
class FileIo {
  public:
    virtual ~FileIo() = default;
    virtual int createFile(
        const std::string& path) = 0;                   // new file for writing, must not exist -> descriptor
    virtual int openFile(const std::string& path) = 0;  // for reading -> descriptor
    virtual int openFolder(const std::string& path) = 0;  // for syncing -> descriptor
    virtual std::int64_t write(int descriptor, const void* data, std::size_t bytes) = 0;
    virtual std::int64_t read(int descriptor, void* data, std::size_t bytes) = 0;
    virtual int sync(int descriptor) = 0;
    virtual int close(int descriptor) = 0;
    virtual int makeFolder(const std::string& path) = 0;
    virtual int rename(const std::string& from, const std::string& to) = 0;
    virtual int exchange(const std::string& a,
                         const std::string& b) = 0;  // atomic; -EINVAL where the file system has it not
    virtual int removeFile(const std::string& path) = 0;
    virtual int removeFolder(const std::string& path) = 0;
    virtual std::int64_t freeBytes(const std::string& path) = 0;
};

[[nodiscard]] FileIo& systemIo();

}  // namespace caravan::engine::checkpoint
