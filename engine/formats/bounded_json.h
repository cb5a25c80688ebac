// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "engine/api/result.h"

namespace caravan::engine {

// Caps on untrusted JSON. A text that passes one is refused with ErrorCode::FileTooLarge or FileBad.
struct JsonLimits {
    std::size_t bytes = 256u << 20;        // of the whole text
    std::size_t depth = 64;                // nested arrays and objects
    std::size_t nodes = 8'000'000;         // values and keys
    std::size_t stringLength = 16u << 20;  // bytes of one string or key
    bool refuseDuplicateKeys = false;      // else the last one counts
};

// name: what errors call the text (a path). Errors: FileBad {file, place "line 3, byte 41", detail}.
[[nodiscard]] Result<nlohmann::json> parseJson(std::string_view text, std::string_view name,
                                               const JsonLimits& limits = {});
[[nodiscard]] Result<nlohmann::json> readJsonFile(const std::filesystem::path& path,
                                                  const JsonLimits& limits = {});
// The whole file as text, at most limit bytes: FileMissing, FileUnreadable, FileTooLarge.
[[nodiscard]] Result<std::string> readTextFile(const std::filesystem::path& path, std::size_t limit);

}  // namespace caravan::engine
