// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/torch_bin.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "engine/formats/dtypes.h"
#include "engine/formats/stored_zip.h"
#include "engine/formats/tensor_pickle.h"

namespace caravan::engine {
namespace {

[[noreturn]] void bad(const std::filesystem::path& path, std::string place, std::string detail) {
    throw EngineException(
        ErrorCode::FileBad,
        {{"file", path.string()}, {"place", std::move(place)}, {"detail", std::move(detail)}});
}

// Elements of a row-major tensor; anything strided otherwise is refused.
std::int64_t contiguousElements(const std::filesystem::path& path, const std::string& name,
                                const PickledTensor& tensor) {
    std::int64_t elements = 1;
    if (tensor.stride.size() != tensor.shape.size())
        bad(path, "tensor " + name, "it has not one stride per size");
    if (std::ranges::find(tensor.shape, 0) != tensor.shape.end()) return 0;
    for (std::size_t i = tensor.shape.size(); i > 0; --i) {
        if (tensor.shape[i - 1] != 1 && tensor.stride[i - 1] != elements)
            bad(path, "tensor " + name, "its elements are not stored row by row");
        if (__builtin_mul_overflow(elements, tensor.shape[i - 1], &elements))
            bad(path, "tensor " + name, fmt::format("its shape {} is too large", shapeText(tensor.shape)));
    }
    return elements;
}

std::span<const std::byte> storageSlice(const std::filesystem::path& path, const std::string& name,
                                        const PickledTensor& tensor, std::span<const std::byte> storage,
                                        std::int64_t elements) {
    const std::int64_t size = bytesOf(tensor.dtype);
    const std::int64_t there = static_cast<std::int64_t>(storage.size()) / size;
    if (tensor.offset < 0 || tensor.offset > there || elements > there - tensor.offset)
        bad(path, "tensor " + name,
            fmt::format("it needs {} elements from {} on, its storage holds {}", elements, tensor.offset,
                        there));
    return storage.subspan(static_cast<std::size_t>(tensor.offset * size),
                           static_cast<std::size_t>(elements * size));
}

}  // namespace

Result<TorchBin> TorchBin::open(const std::filesystem::path& path) {
    const auto zip = openStoredZip(path);
    if (!zip) return tl::unexpected(zip.error());
    try {
        TorchBin out;
        out.m_mapping = zip->mapping;
        // Members lie in one folder that is named after the file.
        const auto pickle = std::ranges::find_if(
            zip->members, [](const auto& member) { return member.first.ends_with("/data.pkl"); });
        if (pickle == zip->members.end()) bad(path, "the archive", "it has no data.pkl");
        const std::string folder =
            pickle->first.substr(0, pickle->first.size() - std::string_view("data.pkl").size());
        if (const auto order = zip->members.find(folder + "byteorder");
            order != zip->members.end() &&
            std::string_view(reinterpret_cast<const char*>(order->second.data()), order->second.size()) !=
                "little")
            bad(path, "byteorder", "its numbers are not little-endian");
        std::unordered_set<std::string> seen;
        for (const auto& [name, tensor] : readTensorPickle(pickle->second, path.string())) {
            const auto storage = zip->members.find(folder + "data/" + tensor.storage);
            if (storage == zip->members.end())
                bad(path, "tensor " + name,
                    fmt::format("its storage data/{} is missing", tensor.storage.substr(0, 60)));
            if (!seen.insert(name).second) bad(path, "tensor " + name, "it is there twice");
            const std::int64_t elements = contiguousElements(path, name, tensor);
            const auto bytes = storageSlice(path, name, tensor, storage->second, elements);
            out.m_tensors.push_back(
                {name, tensor.dtype, tensor.shape, 0, static_cast<std::int64_t>(bytes.size())});
            out.m_bytes.push_back(bytes);
        }
        return out;
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    }
}

}  // namespace caravan::engine
