// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/checkpoint/model_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "engine/checkpoint/durable_file.h"
#include "engine/formats/dtypes.h"
#include "engine/formats/model_folder.h"

namespace caravan::engine::checkpoint {
namespace fs = std::filesystem;
namespace {

Bytes bytesOfSpec(const TensorSpec& spec) {
    Bytes bytes = bytesOf(spec.dtype);
    for (const auto size : spec.shape)
        bytes *= size;
    return bytes;
}

Bytes bytesOfPart(const ModelPart& part) {
    Bytes bytes = 0;
    for (const auto& spec : part.specs)
        bytes += bytesOfSpec(spec);
    return bytes;
}

bool isCompanion(const std::string& name) {
    static const char* const kNames[] = {"tokenizer.json",
                                         "tokenizer.model",
                                         "tokenizer_config.json",
                                         "special_tokens_map.json",
                                         "added_tokens.json",
                                         "vocab.json",
                                         "merges.txt",
                                         "chat_template.jinja",
                                         "chat_template.json",
                                         "generation_config.json"};
    if (std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames)) return true;
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower.starts_with("license") || lower.starts_with("licence") || lower.starts_with("notice") ||
           lower.starts_with("use_policy");
}

[[noreturn]] void writeFailed(const fs::path& path, const std::string& detail) {
    throw EngineException(ErrorCode::WriteFailed,
                          {{"path", path.string()}, {"bytes", "0"}, {"detail", detail}});
}

}  // namespace

DType dtypeOf(const at::Tensor& tensor) {
    switch (tensor.scalar_type()) {
        case at::kHalf:
            return DType::F16;
        case at::kBFloat16:
            return DType::BF16;
        case at::kLong:
            return DType::I64;
        case at::kInt:
            return DType::I32;
        case at::kByte:
            return DType::U8;
        case at::kDouble:
            return DType::F64;
        default:
            return DType::F32;
    }
}

ModelWriter::ModelWriter(fs::path folder) : m_folder(fs::absolute(std::move(folder)).lexically_normal()) {
    if (m_folder.filename().empty()) m_folder = m_folder.parent_path();
    m_temporary = m_folder.string() + ".tmp";
    std::error_code error;
    if (fs::exists(m_folder) && !(fs::is_directory(m_folder) && fs::is_empty(m_folder, error)))
        throw EngineException(ErrorCode::AlreadyExists, {{"path", m_folder.string()}});
    fs::remove_all(m_temporary, error);
    if (!fs::create_directories(m_temporary, error)) {
        m_done = true;
        writeFailed(m_temporary, error.message());
    }
}

ModelWriter::~ModelWriter() {
    std::error_code error;
    if (!m_done) fs::remove_all(m_temporary, error);
}

void ModelWriter::json(const std::string& name, const nlohmann::json& value) {
    unwrap(writeJsonFile(m_temporary / name, value));
}

void ModelWriter::text(const std::string& name, const std::string& value) {
    std::ofstream out(m_temporary / name, std::ios::binary | std::ios::trunc);
    out << value;
    out.close();
    if (!out) writeFailed(m_temporary / name, "it could not be written whole");
}

void ModelWriter::copyCompanions(const fs::path& source) {
    std::error_code error;
    for (fs::directory_iterator it(source, error), end; !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename().string();
        std::error_code failed;
        if (!isCompanion(name) || !it->is_regular_file(failed)) continue;
        if (!fs::copy_file(it->path(), m_temporary / name, failed))
            writeFailed(m_temporary / name, failed.message());
        // A source that may only be read gives a copy that its owner may change.
        fs::permissions(m_temporary / name, fs::perms::owner_write, fs::perm_options::add, failed);
    }
}

void ModelWriter::writeShard(const std::string& name, std::span<const ModelPart> parts) {
    std::vector<TensorSpec> specs;
    for (const auto& part : parts)
        specs.insert(specs.end(), part.specs.begin(), part.specs.end());
    auto writer = unwrap(SafetensorsWriter::create(m_temporary / name, std::move(specs)));
    for (const auto& part : parts) {
        if (m_stop.stop_requested())
            throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
        const auto tensors = part.make();
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            const at::Tensor& tensor = tensors[i];
            const auto bytes = static_cast<std::size_t>(tensor.nbytes());
            if (static_cast<Bytes>(bytes) != bytesOfSpec(part.specs[i]) || !tensor.is_contiguous() ||
                !tensor.is_cpu())
                throw EngineException(ErrorCode::Internal,
                                      {{"detail", "wrong data for tensor " + part.specs[i].name}});
            unwrap(writer.write(part.specs[i].name,
                                {static_cast<const std::byte*>(tensor.const_data_ptr()), bytes}));
            ++m_progress.done;
        }
        if (m_report) m_report(m_progress);
    }
    unwrap(writer.finish(SafetensorsWriter::Sync::Yes));
}

Bytes ModelWriter::weights(const std::string& stem, std::vector<ModelPart> parts,
                           const ProgressFunction& progress, std::stop_token stop, Bytes shardBytes) {
    std::vector<std::size_t> starts{0};
    Bytes total = 0, shard = 0;
    m_progress = {.stage = "writing weights"};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const Bytes bytes = bytesOfPart(parts[i]);
        if (shard > 0 && shard + bytes > shardBytes) {
            starts.push_back(i);
            shard = 0;
        }
        shard += bytes;
        total += bytes;
        m_progress.total += static_cast<std::int64_t>(parts[i].specs.size());
    }
    const std::int64_t available = systemIo().freeBytes(m_temporary.string());
    if (available >= 0 && available < total)
        throw EngineException(ErrorCode::DiskShort, {{"path", m_folder.string()},
                                                     {"needed", std::to_string(total)},
                                                     {"available", std::to_string(available)}});
    m_report = progress;
    m_stop = std::move(stop);
    nlohmann::json map = nlohmann::json::object();
    for (std::size_t s = 0; s < starts.size(); ++s) {
        const std::size_t end = s + 1 < starts.size() ? starts[s + 1] : parts.size();
        const std::string name =
            starts.size() == 1 ? stem + ".safetensors"
                               : fmt::format("{}-{:05}-of-{:05}.safetensors", stem, s + 1, starts.size());
        const std::span<const ModelPart> some(parts.data() + starts[s], end - starts[s]);
        for (const auto& part : some)
            for (const auto& spec : part.specs)
                map[spec.name] = name;
        writeShard(name, some);
    }
    if (starts.size() > 1)
        json(stem + ".safetensors.index.json", {{"metadata", {{"total_size", total}}}, {"weight_map", map}});
    return total;
}

void ModelWriter::commit() {
    syncFolder(systemIo(), m_temporary.string());
    std::error_code error;
    if (fs::exists(m_folder)) fs::remove(m_folder, error);  // empty
    fs::rename(m_temporary, m_folder, error);
    if (error) writeFailed(m_folder, error.message());
    m_done = true;
    syncFolder(systemIo(), m_folder.parent_path().string());
}

}  // namespace caravan::engine::checkpoint
