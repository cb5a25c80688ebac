// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/api/ids.h"
#include "engine/api/model_config.h"
#include "engine/api/result.h"

namespace caravan::engine {

struct TensorInfo {
    std::string name;
    DType dtype = DType::F32;
    std::vector<std::int64_t> shape;
    std::int64_t offset = 0;  // from the begin of the file
    std::int64_t bytes = 0;
    [[nodiscard]] std::int64_t elements() const;
};
[[nodiscard]] std::string shapeText(std::span<const std::int64_t> shape);  // "[64, 112]"

// A memory-mapped safetensors file, checked whole at open: header length, no hole and no overlap, size equals
// shape x dtype. Movable; spans stay valid as long as any copy of the shared mapping lives. The file must not
// shrink while it is open.
class SafetensorsFile {
  public:
    [[nodiscard]] static Result<SafetensorsFile> open(const std::filesystem::path& path);

    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
    [[nodiscard]] const std::vector<TensorInfo>& tensors() const { return m_tensors; }  // by offset
    [[nodiscard]] const TensorInfo* find(std::string_view name) const;                  // nullptr: not there
    [[nodiscard]] std::span<const std::byte> bytes(const TensorInfo& tensor) const;
    [[nodiscard]] std::span<const std::byte> bytes(std::string_view name) const;  // empty: not there
    [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return m_metadata; }
    [[nodiscard]] Bytes fileBytes() const { return m_fileBytes; }
    // Keeps the mapping alive for tensors that alias it.
    [[nodiscard]] std::shared_ptr<const void> mapping() const { return m_mapping; }

  private:
    std::filesystem::path m_path;
    std::shared_ptr<const void> m_mapping;
    const std::byte* m_begin = nullptr;
    Bytes m_fileBytes = 0;
    std::vector<TensorInfo> m_tensors;
    std::unordered_map<std::string, std::size_t> m_index;
    std::map<std::string, std::string> m_metadata;
};

struct TensorSpec {
    std::string name;
    std::vector<std::int64_t> shape;
    DType dtype = DType::F32;
    friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

// Streams a file whose tensors lie in the given order; the same input gives the same bytes. Every write is
// checked: WriteFailed {path, bytes, detail}. A file that is not finished is removed.
class SafetensorsWriter {
  public:
    enum class Sync { No, Yes };  // Yes: fsync, checked, before finish() returns

    [[nodiscard]] static Result<SafetensorsWriter> create(
        const std::filesystem::path& path, std::vector<TensorSpec> tensors,
        const std::map<std::string, std::string>& metadata = {{"format", "pt"}});
    SafetensorsWriter(SafetensorsWriter&&) noexcept;
    SafetensorsWriter& operator=(SafetensorsWriter&&) noexcept;
    ~SafetensorsWriter();

    // name: the tensor whose turn it is; its bytes may come in pieces.
    [[nodiscard]] Result<void> write(std::string_view name, std::span<const std::byte> bytes);
    [[nodiscard]] Result<Bytes> finish(Sync sync);  // file size; Internal if a tensor is incomplete

  private:
    struct State;
    explicit SafetensorsWriter(std::unique_ptr<State> state);
    std::unique_ptr<State> m_state;
};

}  // namespace caravan::engine
