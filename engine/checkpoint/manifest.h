// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>

#include "engine/api/ids.h"
#include "engine/checkpoint/durable_file.h"

namespace caravan::engine::checkpoint {

// manifest.json: size and XXH3-128 of every other file, in one canonical spelling, so that any changed byte
// of the manifest itself is seen by writing it anew from the files.
struct Manifest {
    StepIndex step = 0;
    std::map<std::string, FileDigest> files;
};
[[nodiscard]] std::string manifestText(const Manifest& manifest);
[[nodiscard]] Result<Manifest> parseManifest(const std::string& text, const std::string& path);

}  // namespace caravan::engine::checkpoint
