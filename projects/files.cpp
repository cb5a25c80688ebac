// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace caravan::projects {
namespace {

using engine::EngineException;
using engine::ErrorCode;

class Descriptor {
  public:
    explicit Descriptor(int fd) : m_fd(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (m_fd >= 0) close(m_fd);
    }
    [[nodiscard]] int get() const { return m_fd; }

  private:
    int m_fd;
};

[[noreturn]] void writeFailed(const std::filesystem::path& file, std::size_t bytes) {
    throw EngineException(
        ErrorCode::WriteFailed,
        {{"path", file.string()}, {"bytes", std::to_string(bytes)}, {"detail", std::strerror(errno)}});
}

void writeAll(int fd, std::string_view text, const std::filesystem::path& file) {
    const std::size_t size = text.size();
    while (!text.empty()) {
        const ssize_t n = write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) writeFailed(file, size);
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

}  // namespace

void writeAtomically(const std::filesystem::path& file, std::string_view text) {
    const std::filesystem::path beside = file.string() + ".tmp" + std::to_string(getpid());
    {
        const Descriptor fd(open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
        if (fd.get() < 0) writeFailed(file, text.size());
        writeAll(fd.get(), text, file);
        if (fsync(fd.get()) != 0) writeFailed(file, text.size());
    }
    if (rename(beside.c_str(), file.c_str()) != 0) writeFailed(file, text.size());
    const Descriptor folder(open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() >= 0) fsync(folder.get());
}

void appendLine(const std::filesystem::path& file, std::string_view line, bool sync) {
    const Descriptor fd(open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (fd.get() < 0) writeFailed(file, line.size());
    std::string text(line);
    text += '\n';
    // A torn line before it (power loss, full disk) must not swallow this one.
    struct stat info {};
    char last = '\n';
    if (fstat(fd.get(), &info) == 0 && info.st_size > 0 && pread(fd.get(), &last, 1, info.st_size - 1) == 1 &&
        last != '\n')
        text.insert(text.begin(), '\n');
    writeAll(fd.get(), text, file);
    if (sync && fdatasync(fd.get()) != 0) writeFailed(file, text.size());
}

std::string readWhole(const std::filesystem::path& file, std::int64_t limit) {
    const Descriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0) {
        if (errno == ENOENT) throw EngineException(ErrorCode::FileMissing, {{"file", file.string()}});
        throw EngineException(ErrorCode::FileUnreadable,
                              {{"file", file.string()}, {"detail", std::strerror(errno)}});
    }
    struct stat info {};
    if (fstat(fd.get(), &info) == 0 && !S_ISREG(info.st_mode))
        throw EngineException(ErrorCode::FileUnreadable,
                              {{"file", file.string()}, {"detail", "not a regular file"}});
    std::string text;
    char chunk[65536];
    while (true) {
        const ssize_t n = read(fd.get(), chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            throw EngineException(ErrorCode::FileUnreadable,
                                  {{"file", file.string()}, {"detail", std::strerror(errno)}});
        if (n == 0) return text;
        text.append(chunk, static_cast<std::size_t>(n));
        if (static_cast<std::int64_t>(text.size()) > limit)
            throw EngineException(ErrorCode::FileTooLarge, {{"file", file.string()},
                                                            {"place", "size"},
                                                            {"bytes", std::to_string(info.st_size)},
                                                            {"limit", std::to_string(limit)}});
    }
}

}  // namespace caravan::projects
