// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/formats/safetensors.h"

namespace caravan::engine {

// The weights of a folder: STEM.safetensors, or STEM.safetensors.index.json and its shards (weight_map
// checked against them). Pickle files are refused, never read. Cheap: headers only; bytes are mapped. A
// folder that was saved without its head may leave "model." out of all names: they are found with it.
class ModelFiles {
  public:
    ModelFiles() = default;  // holds nothing
    ModelFiles(ModelFiles&&) = default;
    ModelFiles& operator=(ModelFiles&&) = default;
    [[nodiscard]] static Result<ModelFiles> open(const std::filesystem::path& folder,
                                                 std::string_view stem = "model");

    [[nodiscard]] const TensorInfo* find(std::string_view name) const;  // nullptr: not there
    [[nodiscard]] const SafetensorsFile* fileOf(std::string_view name) const;
    [[nodiscard]] std::span<const std::byte> bytes(std::string_view name) const;  // empty: not there
    [[nodiscard]] std::vector<const TensorInfo*> tensors() const;                 // shard by shard, by offset
    [[nodiscard]] const std::deque<SafetensorsFile>& files() const { return m_files; }
    [[nodiscard]] std::size_t tensorCount() const { return m_where.size(); }
    [[nodiscard]] Bytes totalBytes() const;  // of all weight files

  private:
    struct Place {
        std::size_t file;
        const TensorInfo* tensor;
    };
    std::deque<SafetensorsFile> m_files;  // stable addresses of their tensors
    std::unordered_map<std::string_view, Place> m_where;
    std::deque<TensorInfo> m_renamed;  // all, where "model." is left out; else none
    [[nodiscard]] Result<void> add(SafetensorsFile file);
    void renameBare();
};

}  // namespace caravan::engine
