// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "engine/api/ids.h"
#include "engine/api/result.h"
#include "engine/checkpoint/file_io.h"

// Files that are on the disk when the call returns. Throws EngineException: WriteFailed {path, bytes,
// detail}, DiskShort {path, needed, available}, FileUnreadable {file, detail}.
namespace caravan::engine::checkpoint {

struct FileDigest {
    Bytes bytes = 0;
    std::string hash;  // XXH3-128, 32 hexadecimal digits
    friend bool operator==(const FileDigest&, const FileDigest&) = default;
};

using ByteSink = std::function<void(std::span<const std::byte>)>;
// Calls the sink with the file's bytes, in order; may be called twice (a second attempt writes a new file).
using ByteSource = std::function<void(const ByteSink&)>;

// Creates the file, writes, syncs and closes it. A failed write or sync gets one more try with a new file:
// pages of the old one may be lost although a later sync would succeed. total: bytes of the file, for
// messages.
FileDigest writeDurableFile(FileIo& io, const std::string& path, Bytes total, const ByteSource& source);
[[nodiscard]] FileDigest digestFile(FileIo& io, const std::string& path);
[[nodiscard]] std::string readWholeFile(FileIo& io, const std::string& path, std::size_t limit);
void syncFolder(FileIo& io, const std::string& path);
// The folder and the files in it; what is not there is no error. Subfolders are not expected.
void removeTree(FileIo& io, const std::filesystem::path& folder);

}  // namespace caravan::engine::checkpoint
