// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace caravan::engine {

MappedFile::~MappedFile() {
    if (begin) ::munmap(begin, size);
}

Result<std::shared_ptr<MappedFile>> mapFile(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return fail(ErrorCode::FileMissing, {{"file", path.string()}});
        return fail(ErrorCode::FileUnreadable, {{"file", path.string()}, {"detail", std::strerror(errno)}});
    }
    struct stat status {};
    const bool regular = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    auto mapping = std::make_shared<MappedFile>();
    mapping->size = regular ? static_cast<std::size_t>(status.st_size) : 0;
    std::string problem = regular ? "" : "not a regular file";
    if (regular && mapping->size > 0) {
        void* begin = ::mmap(nullptr, mapping->size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (begin == MAP_FAILED)
            problem = std::strerror(errno);
        else
            mapping->begin = begin;
    }
    ::close(fd);
    if (!problem.empty())
        return fail(ErrorCode::FileUnreadable, {{"file", path.string()}, {"detail", problem}});
    return mapping;
}

}  // namespace caravan::engine
