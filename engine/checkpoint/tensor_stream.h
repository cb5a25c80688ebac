// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "engine/checkpoint/checkpoint_store.h"
#include "engine/checkpoint/durable_file.h"

namespace caravan::engine::checkpoint {

// A safetensors file as a source of bytes: tensors by ascending key, no metadata, so that equal tensors give
// equal files.
class TensorStream {
  public:
    explicit TensorStream(
        std::vector<TensorView> tensors);  // throws Internal on a wrong size or a double key
    [[nodiscard]] Bytes bytes() const { return m_bytes; }
    void operator()(const ByteSink& sink) const;

  private:
    std::vector<TensorView> m_tensors;
    std::string m_header;  // with its 8-byte length
    Bytes m_bytes = 0;
};

// Reads a whole file into host memory; the reader checks it like any untrusted file.
[[nodiscard]] std::vector<HostTensor> readTensors(const std::filesystem::path& path);

}  // namespace caravan::engine::checkpoint
