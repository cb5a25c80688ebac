// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "engine/api/json_builder.h"
#include "engine/api/result.h"

namespace caravan::engine {

// name: what errors call the text (a path). Errors: FileBad {file, place "line 3, byte 41", detail}.
[[nodiscard]] Result<nlohmann::json> parseJson(std::string_view text, std::string_view name,
                                               const JsonLimits& limits = {});
[[nodiscard]] Result<nlohmann::json> readJsonFile(const std::filesystem::path& path,
                                                  const JsonLimits& limits = {});
// The whole file as text, at most limit bytes: FileMissing, FileUnreadable, FileTooLarge.
[[nodiscard]] Result<std::string> readTextFile(const std::filesystem::path& path, std::size_t limit);

}  // namespace caravan::engine
