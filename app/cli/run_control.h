// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "engine/api/result.h"

namespace caravan::cli {

// How another process asks the command line that owns a run: one word in RUN/control, taken (and removed) by
// the owner within a fifth of a second. Words: pause, continue, stop, checkpoint, cancel.
void askOwner(const std::filesystem::path& runFolder, const std::string& word);
[[nodiscard]] std::optional<std::string> takeRequest(const std::filesystem::path& runFolder);

// The same over the socket, for a run that caravan-engine owns. Blocks for at most the seconds.
[[nodiscard]] engine::Result<void> askEngine(const std::filesystem::path& runFolder, const std::string& word,
                                             double seconds = 10);

}  // namespace caravan::cli
