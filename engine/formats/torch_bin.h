// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/api/result.h"
#include "engine/formats/safetensors.h"

namespace caravan::engine {

// A state dict as torch.save writes it (a zip archive with a pickle), for importing reference runs. Nothing
// in it is ever executed: a small machine knows dictionaries, names, numbers and tensor storage; every other
// opcode and every other global is refused with its name.
class TorchBin {
  public:
    [[nodiscard]] static Result<TorchBin> open(const std::filesystem::path& path);
    // In the order of the dictionary. TensorInfo::offset is unused.
    [[nodiscard]] const std::vector<TensorInfo>& tensors() const { return m_tensors; }
    [[nodiscard]] std::span<const std::byte> bytes(std::size_t index) const { return m_bytes[index]; }

  private:
    std::shared_ptr<const void> m_mapping;
    std::vector<TensorInfo> m_tensors;
    std::vector<std::span<const std::byte>> m_bytes;
};

}  // namespace caravan::engine
