// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace caravan::engine::routing {

// One line of JSON, whole or not at all: written beside, synced, renamed. Makes the folder. Throws
// WriteFailed.
void saveJson(const nlohmann::json& json, const std::filesystem::path& file);

}  // namespace caravan::engine::routing
