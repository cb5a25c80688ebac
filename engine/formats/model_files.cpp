// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/formats/bounded_json.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;

bool runsCode(const fs::path& file) {
    static constexpr std::string_view kEndings[] = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"};
    const std::string ending = file.extension().string();
    return std::ranges::find(kEndings, ending) != std::end(kEndings);
}

tl::unexpected<Error> noWeights(const fs::path& folder, std::string_view stem) {
    std::error_code ignored;
    if (!fs::is_directory(folder, ignored)) return fail(ErrorCode::FileMissing, {{"file", folder.string()}});
    std::set<std::string> pickles;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
        if (runsCode(entry.path())) pickles.insert(entry.path().filename().string());
    if (!pickles.empty())
        return fail(ErrorCode::ModelUnsupported,
                    {{"file", (folder / *pickles.begin()).string()},
                     {"detail", fmt::format("{} runs code when read. Only tensor storage is accepted",
                                            *pickles.begin())},
                     {"supported", "weights as safetensors"}});
    return fail(ErrorCode::FileMissing, {{"file", (folder / fmt::format("{}.safetensors", stem)).string()}});
}

// A shard is a plain file name inside the folder.
bool plainName(const std::string& name) {
    return !name.empty() && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

// weight_map of an index: tensor -> shard.
Result<std::unordered_map<std::string, std::string>> readWeightMap(const fs::path& index) {
    const auto json = readJsonFile(index, {.bytes = 100'000'000,
                                           .depth = 16,
                                           .nodes = 4'000'000,
                                           .stringLength = 1u << 20,
                                           .refuseDuplicateKeys = true});
    if (!json) return tl::unexpected(json.error());
    auto bad = [&](std::string place, std::string detail) {
        return fail(ErrorCode::FileBad,
                    {{"file", index.string()}, {"place", std::move(place)}, {"detail", std::move(detail)}});
    };
    if (!json->is_object() || !json->contains("weight_map") || !json->at("weight_map").is_object() ||
        json->at("weight_map").empty())
        return bad("key weight_map", "not an object that names the file of each tensor");
    std::unordered_map<std::string, std::string> out;
    for (const auto& [tensor, shard] : json->at("weight_map").items()) {
        if (!shard.is_string()) return bad(fmt::format("tensor {}", tensor), "its file is not a string");
        const auto& name = shard.get_ref<const std::string&>();
        if (!plainName(name))
            return bad(fmt::format("tensor {}", tensor),
                       fmt::format("\"{}\" is not a file name", name.substr(0, 200)));
        if (runsCode(name))
            return fail(
                ErrorCode::ModelUnsupported,
                {{"file", (index.parent_path() / name).string()},
                 {"detail", fmt::format("{} runs code when read. Only tensor storage is accepted", name)},
                 {"supported", "weights as safetensors"}});
        out.emplace(tensor, name);
    }
    return out;
}

}  // namespace

Result<void> ModelFiles::add(SafetensorsFile file) {
    const std::size_t index = m_files.size();
    const SafetensorsFile& kept = m_files.emplace_back(std::move(file));
    for (const TensorInfo& tensor : kept.tensors())
        if (const auto [at, fresh] = m_where.emplace(tensor.name, Place{index, &tensor}); !fresh)
            return fail(ErrorCode::FileBad,
                        {{"file", kept.path().string()},
                         {"place", fmt::format("tensor {}", tensor.name)},
                         {"detail", fmt::format("it is in {} too",
                                                m_files[at->second.file].path().filename().string())}});
    return {};
}

Result<ModelFiles> ModelFiles::open(const fs::path& folder, std::string_view stem) {
    ModelFiles files;
    std::error_code ignored;
    const fs::path single = folder / fmt::format("{}.safetensors", stem);
    const fs::path index = folder / fmt::format("{}.safetensors.index.json", stem);
    if (fs::exists(single, ignored)) {
        auto file = SafetensorsFile::open(single);
        if (!file) return tl::unexpected(file.error());
        if (auto added = files.add(std::move(*file)); !added) return tl::unexpected(added.error());
        files.renameBare();
        return files;
    }
    if (!fs::exists(index, ignored)) return noWeights(folder, stem);
    const auto map = readWeightMap(index);
    if (!map) return tl::unexpected(map.error());
    std::set<std::string> shards;
    for (const auto& [tensor, shard] : *map)
        shards.insert(shard);
    for (const std::string& shard : shards) {
        auto file = SafetensorsFile::open(folder / shard);
        if (!file) return tl::unexpected(file.error());
        if (auto added = files.add(std::move(*file)); !added) return tl::unexpected(added.error());
    }
    for (const auto& [tensor, shard] : *map) {
        const SafetensorsFile* file = files.fileOf(tensor);
        if (!file || file->path().filename() != shard)
            return fail(ErrorCode::FileBad, {{"file", (folder / shard).string()},
                                             {"place", fmt::format("tensor {}", tensor)},
                                             {"detail", "the index says that it is here, but it is not"}});
    }
    for (const TensorInfo* tensor : files.tensors())
        if (!map->contains(tensor->name))
            return fail(ErrorCode::FileBad,
                        {{"file", index.string()},
                         {"place", fmt::format("tensor {}", tensor->name)},
                         {"detail", fmt::format("{} holds it, but the index does not name it",
                                                files.fileOf(tensor->name)->path().filename().string())}});
    files.renameBare();
    return files;
}

void ModelFiles::renameBare() {
    static constexpr std::string_view kPrefix = "model.", kParts[] = {"embed_tokens.", "layers.", "norm."};
    const auto isPart = [](std::string_view name) {
        return std::ranges::any_of(kParts, [&](std::string_view part) { return name.starts_with(part); });
    };
    if (!m_where.contains("embed_tokens.weight") ||
        std::ranges::any_of(m_where, [](const auto& entry) { return entry.first.starts_with(kPrefix); }))
        return;
    m_where.clear();
    for (std::size_t i = 0; i < m_files.size(); ++i)
        for (const TensorInfo& tensor : m_files[i].tensors()) {
            TensorInfo& renamed = m_renamed.emplace_back(tensor);
            if (isPart(tensor.name)) renamed.name = std::string(kPrefix) + tensor.name;
            m_where.emplace(renamed.name, Place{i, &renamed});
        }
}

const TensorInfo* ModelFiles::find(std::string_view name) const {
    const auto found = m_where.find(name);
    return found == m_where.end() ? nullptr : found->second.tensor;
}

const SafetensorsFile* ModelFiles::fileOf(std::string_view name) const {
    const auto found = m_where.find(name);
    return found == m_where.end() ? nullptr : &m_files[found->second.file];
}

std::span<const std::byte> ModelFiles::bytes(std::string_view name) const {
    const auto found = m_where.find(name);
    if (found == m_where.end()) return {};
    return m_files[found->second.file].bytes(*found->second.tensor);
}

std::vector<const TensorInfo*> ModelFiles::tensors() const {
    std::vector<const TensorInfo*> out;
    for (const TensorInfo& tensor : m_renamed)
        out.push_back(&tensor);
    if (!out.empty()) return out;
    for (const SafetensorsFile& file : m_files)
        for (const TensorInfo& tensor : file.tensors())
            out.push_back(&tensor);
    return out;
}

Bytes ModelFiles::totalBytes() const {
    Bytes total = 0;
    for (const SafetensorsFile& file : m_files)
        total += file.fileBytes();
    return total;
}

}  // namespace caravan::engine
