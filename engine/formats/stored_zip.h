// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "engine/api/result.h"

namespace caravan::engine {

// A zip archive whose members are stored, not compressed (as torch.save writes them), mapped. Zip64 too.
struct StoredZip {
    std::shared_ptr<const void> mapping;
    std::map<std::string, std::span<const std::byte>> members;  // by name; valid as long as mapping
};
[[nodiscard]] Result<StoredZip> openStoredZip(const std::filesystem::path& path);

}  // namespace caravan::engine
