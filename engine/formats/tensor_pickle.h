// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/model_config.h"

namespace caravan::engine {

// What a pickled state dict says of a tensor: a view into a storage member of the archive.
struct PickledTensor {
    std::string storage;  // "0" = member data/0
    DType dtype = DType::F32;
    std::int64_t storageElements = 0, offset = 0;  // elements
    std::vector<std::int64_t> shape, stride;
};
// Throws EngineException: ModelUnsupported for anything but tensor storage, FileBad for damage.
[[nodiscard]] std::vector<std::pair<std::string, PickledTensor>> readTensorPickle(
    std::span<const std::byte> bytes, const std::string& file);

}  // namespace caravan::engine
