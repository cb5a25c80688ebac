// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/api/engine.h"
#include "engine/formats/safetensors.h"

namespace caravan::engine::checkpoint {

// Tensors that are made together and written behind each other.
struct ModelPart {
    std::vector<TensorSpec> specs;
    std::function<std::vector<at::Tensor>()> make;  // host, contiguous, of the specs' types
};

// Writes a Hugging Face folder: FOLDER.tmp first, which takes its name when everything is on the disk. Throws
// EngineException: AlreadyExists, DiskShort, WriteFailed, Interrupted. Without commit() nothing is left
// behind.
class ModelWriter {
  public:
    explicit ModelWriter(std::filesystem::path folder);
    ~ModelWriter();
    ModelWriter(const ModelWriter&) = delete;
    ModelWriter& operator=(const ModelWriter&) = delete;

    void json(const std::string& name, const nlohmann::json& value);
    void text(const std::string& name, const std::string& value);  // replaces a copied companion
    // Tokenizer, chat template, generation settings, licence: whatever of it the source folder has.
    void copyCompanions(const std::filesystem::path& source);
    // STEM.safetensors, or shards with an index above shardBytes.
    Bytes weights(const std::string& stem, std::vector<ModelPart> parts, const ProgressFunction& progress,
                  std::stop_token stop, Bytes shardBytes = Bytes{4} << 30);
    void commit();
    [[nodiscard]] const std::filesystem::path& temporary() const { return m_temporary; }

  private:
    void writeShard(const std::string& name, std::span<const ModelPart> parts);
    std::filesystem::path m_folder, m_temporary;
    bool m_done = false;
    Progress m_progress;
    ProgressFunction m_report;
    std::stop_token m_stop;
};

[[nodiscard]] DType dtypeOf(const at::Tensor& tensor);

}  // namespace caravan::engine::checkpoint
