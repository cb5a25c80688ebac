// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/weight_source.h"

#include <fmt/format.h>

namespace caravan::engine {

namespace fs = std::filesystem;

Result<WeightSource> WeightSource::open(const fs::path& folder, std::string_view stem) {
    std::error_code ignored;
    const fs::path bin = folder / fmt::format("{}.bin", stem);
    const bool safe = fs::exists(folder / fmt::format("{}.safetensors", stem), ignored) ||
                      fs::exists(folder / fmt::format("{}.safetensors.index.json", stem), ignored);
    if (!safe && fs::exists(bin, ignored)) return openBin(bin);
    auto files = ModelFiles::open(folder, stem);
    if (!files) return tl::unexpected(files.error());
    WeightSource source;
    source.m_files = std::move(*files);
    return source;
}

Result<WeightSource> WeightSource::openBin(const fs::path& file, std::string_view prefix) {
    auto content = TorchBin::open(file);
    if (!content) return tl::unexpected(content.error());
    Bin bin{file, std::move(*content), {}, {}};
    for (TensorInfo tensor : bin.content.tensors()) {
        if (!prefix.empty() && tensor.name.starts_with(prefix)) tensor.name.erase(0, prefix.size());
        if (!bin.index.emplace(tensor.name, bin.tensors.size()).second)
            return fail(ErrorCode::FileBad, {{"file", file.string()},
                                             {"place", "tensor " + tensor.name},
                                             {"detail", "it is there twice"}});
        bin.tensors.push_back(std::move(tensor));
    }
    WeightSource source;
    source.m_bin = std::move(bin);
    return source;
}

const TensorInfo* WeightSource::find(std::string_view name) const {
    if (!m_bin) return m_files.find(name);
    const auto found = m_bin->index.find(std::string(name));
    return found == m_bin->index.end() ? nullptr : &m_bin->tensors[found->second];
}

std::span<const std::byte> WeightSource::bytes(std::string_view name) const {
    if (!m_bin) return m_files.bytes(name);
    const auto found = m_bin->index.find(std::string(name));
    if (found == m_bin->index.end()) return {};
    return m_bin->content.bytes(found->second);
}

std::vector<const TensorInfo*> WeightSource::tensors() const {
    if (!m_bin) return m_files.tensors();
    std::vector<const TensorInfo*> all;
    for (const TensorInfo& tensor : m_bin->tensors)
        all.push_back(&tensor);
    return all;
}

fs::path WeightSource::pathOf(std::string_view name) const {
    if (m_bin) return m_bin->path;
    if (const SafetensorsFile* file = m_files.fileOf(name)) return file->path();
    return m_files.files().empty() ? fs::path() : m_files.files().front().path();
}

Bytes WeightSource::totalBytes() const {
    std::error_code ignored;
    return m_bin ? static_cast<Bytes>(fs::file_size(m_bin->path, ignored)) : m_files.totalBytes();
}

}  // namespace caravan::engine
