// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "engine/api/result.h"

namespace caravan::engine {

// A regular file mapped for reading; unmapped with the last owner. It must not shrink while it is mapped.
struct MappedFile {
    void* begin = nullptr;
    std::size_t size = 0;
    MappedFile() = default;
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile();
    [[nodiscard]] std::span<const std::byte> bytes() const {
        return {static_cast<const std::byte*>(begin), size};
    }
};
// Errors: FileMissing, FileUnreadable.
[[nodiscard]] Result<std::shared_ptr<MappedFile>> mapFile(const std::filesystem::path& path);

}  // namespace caravan::engine
