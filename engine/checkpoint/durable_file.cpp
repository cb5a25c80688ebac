// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/checkpoint/durable_file.h"

#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

namespace caravan::engine::checkpoint {
namespace {

constexpr std::size_t kChunk = std::size_t{4} << 20;

[[noreturn]] void throwWrite(FileIo& io, const std::string& path, Bytes bytes, std::int64_t error) {
    const int number = static_cast<int>(-error);
    if (number == ENOSPC || number == EDQUOT) {
        const std::string folder = std::filesystem::path(path).parent_path().string();
        const std::int64_t available = io.freeBytes(folder);
        throw EngineException(ErrorCode::DiskShort,
                              {{"path", path},
                               {"needed", std::to_string(bytes)},
                               {"available", std::to_string(available < 0 ? 0 : available)}});
    }
    throw EngineException(
        ErrorCode::WriteFailed,
        {{"path", path}, {"bytes", std::to_string(bytes)}, {"detail", std::strerror(number)}});
}

[[noreturn]] void throwRead(const std::string& path, std::int64_t error) {
    throw EngineException(ErrorCode::FileUnreadable,
                          {{"file", path}, {"detail", std::strerror(static_cast<int>(-error))}});
}

// Closes once; close() may report a late write error, so the happy path calls closeNow().
class Descriptor {
  public:
    Descriptor(FileIo& io, int value) : m_io(io), m_value(value) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (m_value >= 0) m_io.close(m_value);
    }
    [[nodiscard]] int get() const { return m_value; }
    int closeNow() {
        const int status = m_io.close(m_value);
        m_value = -1;
        return status == -EINTR ? 0 : status;  // Linux: the descriptor is gone all the same
    }

  private:
    FileIo& m_io;
    int m_value;
};

class Hash {
  public:
    Hash() : m_state(XXH3_createState(), &XXH3_freeState) { XXH3_128bits_reset(m_state.get()); }
    void add(std::span<const std::byte> bytes) {
        XXH3_128bits_update(m_state.get(), bytes.data(), bytes.size());
    }
    [[nodiscard]] std::string text() const {
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(m_state.get()));
        std::string hex;
        for (const unsigned char byte : canonical.digest) {
            hex += "0123456789abcdef"[byte >> 4];
            hex += "0123456789abcdef"[byte & 15];
        }
        return hex;
    }

  private:
    std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> m_state;
};

template <class Call>
auto retryInterrupted(Call call) {
    auto status = call();
    for (int tries = 0; status == -EINTR && tries < 1000; ++tries)
        status = call();
    return status;
}

void writeAll(FileIo& io, int descriptor, std::span<const std::byte> bytes, const std::string& path,
              Bytes total) {
    while (!bytes.empty()) {
        const std::int64_t done = retryInterrupted(
            [&] { return io.write(descriptor, bytes.data(), std::min(bytes.size(), kChunk)); });
        if (done <= 0) throwWrite(io, path, total, done < 0 ? done : -EIO);
        bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
}

FileDigest writeOnce(FileIo& io, const std::string& path, Bytes total, const ByteSource& source) {
    const int opened = retryInterrupted([&] { return io.createFile(path); });
    if (opened < 0) throwWrite(io, path, total, opened);
    Descriptor file(io, opened);
    Hash hash;
    FileDigest digest;
    source([&](std::span<const std::byte> bytes) {
        hash.add(bytes);
        digest.bytes += static_cast<Bytes>(bytes.size());
        writeAll(io, file.get(), bytes, path, total);
    });
    if (const int status = retryInterrupted([&] { return io.sync(file.get()); }); status < 0)
        throwWrite(io, path, total, status);
    if (const int status = file.closeNow(); status < 0) throwWrite(io, path, total, status);
    digest.hash = hash.text();
    return digest;
}

template <class Take>
void readAll(FileIo& io, const std::string& path, Take take) {
    const int opened = retryInterrupted([&] { return io.openFile(path); });
    if (opened < 0) throwRead(path, opened);
    Descriptor file(io, opened);
    std::vector<std::byte> buffer(std::size_t{1} << 20);
    while (true) {
        const std::int64_t got =
            retryInterrupted([&] { return io.read(file.get(), buffer.data(), buffer.size()); });
        if (got < 0) throwRead(path, got);
        if (got == 0) return;
        take(std::span<const std::byte>(buffer.data(), static_cast<std::size_t>(got)));
    }
}

}  // namespace

FileDigest writeDurableFile(FileIo& io, const std::string& path, Bytes total, const ByteSource& source) {
    try {
        return writeOnce(io, path, total, source);
    } catch (const EngineException&) {
        io.removeFile(path);
    }
    try {
        return writeOnce(io, path, total, source);
    } catch (const EngineException&) {
        io.removeFile(path);
        throw;
    }
}

FileDigest digestFile(FileIo& io, const std::string& path) {
    Hash hash;
    FileDigest digest;
    readAll(io, path, [&](std::span<const std::byte> bytes) {
        hash.add(bytes);
        digest.bytes += static_cast<Bytes>(bytes.size());
    });
    digest.hash = hash.text();
    return digest;
}

std::string readWholeFile(FileIo& io, const std::string& path, std::size_t limit) {
    std::string text;
    readAll(io, path, [&](std::span<const std::byte> bytes) {
        if (text.size() + bytes.size() > limit)
            throw EngineException(ErrorCode::FileTooLarge,
                                  {{"file", path},
                                   {"place", "file"},
                                   {"bytes", std::to_string(text.size() + bytes.size())},
                                   {"limit", std::to_string(limit)}});
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
    return text;
}

void syncFolder(FileIo& io, const std::string& path) {
    const int opened = retryInterrupted([&] { return io.openFolder(path); });
    if (opened < 0) throwWrite(io, path, 0, opened);
    Descriptor folder(io, opened);
    if (const int status = retryInterrupted([&] { return io.sync(folder.get()); }); status < 0)
        throwWrite(io, path, 0, status);
}

void removeTree(FileIo& io, const std::filesystem::path& folder) {
    std::error_code error;
    std::vector<std::string> files;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        files.push_back(it->path().string());
    for (const auto& file : files)
        io.removeFile(file);
    io.removeFolder(folder.string());
}

}  // namespace caravan::engine::checkpoint
