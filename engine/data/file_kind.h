// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string_view>

#include "engine/api/config/recipe.h"
#include "engine/api/result.h"

namespace caravan::engine {

// How the rows stand in the file, from its first bytes and its name. chosen: what the user said, unless Auto.
// Error FileBad: no rows can be read from it, and how to convert it.
[[nodiscard]] Result<FileFormat> fileKind(const std::filesystem::path& file, std::string_view head,
                                          FileFormat chosen);

}  // namespace caravan::engine
