// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/formats/model_files.h"
#include "engine/formats/torch_bin.h"

namespace caravan::engine {

// Named tensors of an adapter: STEM.safetensors (one file or shards), else STEM.bin, of which only tensor
// storage is read (torch_bin.h). Bytes are mapped.
class WeightSource {
  public:
    [[nodiscard]] static Result<WeightSource> open(const std::filesystem::path& folder,
                                                   std::string_view stem);
    // A state dict; prefix is cut off names that have it.
    [[nodiscard]] static Result<WeightSource> openBin(const std::filesystem::path& file,
                                                      std::string_view prefix = {});

    [[nodiscard]] const TensorInfo* find(std::string_view name) const;            // nullptr: not there
    [[nodiscard]] std::span<const std::byte> bytes(std::string_view name) const;  // empty: not there
    [[nodiscard]] std::vector<const TensorInfo*> tensors() const;
    [[nodiscard]] std::filesystem::path pathOf(
        std::string_view name) const;  // the file that has, or would have it
    [[nodiscard]] std::size_t fileCount() const { return m_bin ? 1 : m_files.files().size(); }
    [[nodiscard]] Bytes totalBytes() const;

  private:
    ModelFiles m_files;
    struct Bin {
        std::filesystem::path path;
        TorchBin content;
        std::vector<TensorInfo> tensors;  // names without the prefix
        std::unordered_map<std::string, std::size_t> index;
    };
    std::optional<Bin> m_bin;
};

}  // namespace caravan::engine
