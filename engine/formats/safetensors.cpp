// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/formats/bounded_json.h"
#include "engine/formats/dtypes.h"
#include "engine/formats/mapped_file.h"

namespace caravan::engine {
namespace {

static_assert(std::endian::native == std::endian::little,
              "safetensors is little-endian; so is every machine built for");

constexpr std::uint64_t kMaxHeader = 100'000'000;
using nlohmann::json;

tl::unexpected<Error> bad(const std::filesystem::path& path, std::string place, std::string detail) {
    return fail(ErrorCode::FileBad,
                {{"file", path.string()}, {"place", std::move(place)}, {"detail", std::move(detail)}});
}

// a * b, or nothing where it would not fit.
std::optional<std::int64_t> times(std::int64_t a, std::int64_t b) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
    return product;
}

std::optional<std::int64_t> wholeNumber(const json& value) {
    if (!value.is_number_integer()) return std::nullopt;
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
        return std::nullopt;
    const auto number = value.get<std::int64_t>();
    if (number < 0) return std::nullopt;
    return number;
}

// One header entry; offset is relative to the data section until the caller adds its begin.
Result<TensorInfo> readEntry(const std::filesystem::path& path, const std::string& name, const json& entry) {
    const std::string place = fmt::format("tensor {}", name.substr(0, 300));
    if (!entry.is_object()) return bad(path, place, "its entry is not an object");
    for (const auto& [key, value] : entry.items())
        if (key != "dtype" && key != "shape" && key != "data_offsets")
            return bad(path, place, fmt::format("unknown entry {}", key.substr(0, 100)));
    if (entry.size() != 3) return bad(path, place, "dtype, shape and data_offsets are needed");
    const json& dtype = entry["dtype"];
    const json& shape = entry["shape"];
    const json& offsets = entry["data_offsets"];
    if (!dtype.is_string()) return bad(path, place, "dtype is not a string");
    const auto type = dtypeFromSafetensors(dtype.get_ref<const std::string&>());
    if (!type)
        return fail(ErrorCode::ModelUnsupported,
                    {{"file", path.string()},
                     {"detail",
                      fmt::format("{} has the data type {}", place, dtype.get<std::string>().substr(0, 40))},
                     {"supported", "float32, float16, bfloat16 and NF4 weights"}});
    if (!shape.is_array() || shape.size() > 16)
        return bad(path, place, "shape is not a list of at most 16 sizes");
    TensorInfo info{name, *type, {}, 0, bytesOf(*type)};
    for (const json& size : shape) {
        const auto number = wholeNumber(size);
        if (!number) return bad(path, place, "a size of its shape is not a whole number");
        info.shape.push_back(*number);
    }
    // A zero anywhere empties the tensor, so multiply the others only if none is there.
    if (std::ranges::find(info.shape, 0) != info.shape.end())
        info.bytes = 0;
    else
        for (std::int64_t size : info.shape) {
            const auto product = times(info.bytes, size);
            if (!product)
                return bad(path, place, fmt::format("its shape {} is too large", shapeText(info.shape)));
            info.bytes = *product;
        }
    const auto begin = offsets.is_array() && offsets.size() == 2 ? wholeNumber(offsets[0]) : std::nullopt;
    const auto end = begin ? wholeNumber(offsets[1]) : std::nullopt;
    if (!end || *end < *begin) return bad(path, place, "data_offsets are not a begin and an end");
    if (*end - *begin != info.bytes)
        return bad(path, place,
                   fmt::format("shape {} of {} needs {} bytes, its offsets hold {}", shapeText(info.shape),
                               safetensorsName(*type), info.bytes, *end - *begin));
    info.offset = *begin;
    return info;
}

Result<std::map<std::string, std::string>> readMetadata(const std::filesystem::path& path,
                                                        const json& entry) {
    std::map<std::string, std::string> out;
    if (!entry.is_object()) return bad(path, "__metadata__", "not an object");
    for (const auto& [key, value] : entry.items()) {
        if (!value.is_string())
            return bad(path, "__metadata__", fmt::format("{} is not a string", key.substr(0, 100)));
        out[key] = value.get<std::string>();
    }
    return out;
}

}  // namespace

std::int64_t TensorInfo::elements() const {
    return bytes / bytesOf(dtype);
}

std::string shapeText(std::span<const std::int64_t> shape) {
    return fmt::format("[{}]", fmt::join(shape, ", "));
}

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
    auto mapped = mapFile(path);
    if (!mapped) return tl::unexpected(mapped.error());
    const MappedFile& mapping = **mapped;
    if (mapping.size < 8)
        return bad(path, "byte 0", fmt::format("{} bytes are no safetensors file", mapping.size));
    SafetensorsFile file;
    file.m_path = path;
    file.m_begin = static_cast<const std::byte*>(mapping.begin);
    file.m_fileBytes = static_cast<Bytes>(mapping.size);
    file.m_mapping = *mapped;

    std::uint64_t headerBytes = 0;
    std::memcpy(&headerBytes, file.m_begin, 8);
    if (headerBytes > kMaxHeader)
        return fail(ErrorCode::FileTooLarge, {{"file", path.string()},
                                              {"place", "header length"},
                                              {"bytes", std::to_string(headerBytes)},
                                              {"limit", std::to_string(kMaxHeader)}});
    if (headerBytes > mapping.size - 8)
        return bad(path, "header length",
                   fmt::format("the header has {} bytes, the file only {}", headerBytes, mapping.size));
    const std::string_view text(reinterpret_cast<const char*>(file.m_begin) + 8, headerBytes);
    if (!text.starts_with('{')) return bad(path, "byte 8", "the header does not start with {");
    const auto header = parseJson(text, path.string(),
                                  {.bytes = kMaxHeader,
                                   .depth = 8,
                                   .nodes = 4'000'000,
                                   .stringLength = 16u << 20,
                                   .refuseDuplicateKeys = true});
    if (!header) return tl::unexpected(header.error());

    for (const auto& [name, entry] : header->items()) {
        if (name == "__metadata__") {
            auto metadata = readMetadata(path, entry);
            if (!metadata) return tl::unexpected(metadata.error());
            file.m_metadata = std::move(*metadata);
            continue;
        }
        auto info = readEntry(path, name, entry);
        if (!info) return tl::unexpected(info.error());
        file.m_tensors.push_back(std::move(*info));
    }
    std::ranges::sort(file.m_tensors, [](const TensorInfo& a, const TensorInfo& b) {
        return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
    });
    const auto dataBegin = static_cast<std::int64_t>(8 + headerBytes);
    const std::int64_t dataBytes = file.m_fileBytes - dataBegin;
    std::int64_t expected = 0;
    for (TensorInfo& info : file.m_tensors) {
        if (info.offset != expected)
            return bad(path, fmt::format("tensor {}", info.name),
                       fmt::format("it begins at byte {} of the data where {} was expected: {}", info.offset,
                                   expected, info.offset > expected ? "a hole" : "an overlap"));
        if (info.bytes > dataBytes - expected)
            return bad(path, fmt::format("tensor {}", info.name),
                       fmt::format("it ends at byte {} of the data, the file holds only {}",
                                   expected + info.bytes, dataBytes));
        expected += info.bytes;
        info.offset += dataBegin;
    }
    if (expected != dataBytes)
        return bad(path, "end of the file",
                   fmt::format("the tensors hold {} bytes, the file {}", expected, dataBytes));
    for (std::size_t i = 0; i < file.m_tensors.size(); ++i)
        file.m_index.emplace(file.m_tensors[i].name, i);
    return file;
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
    const auto found = m_index.find(std::string(name));
    return found == m_index.end() ? nullptr : &m_tensors[found->second];
}

std::span<const std::byte> SafetensorsFile::bytes(const TensorInfo& tensor) const {
    return {m_begin + tensor.offset, static_cast<std::size_t>(tensor.bytes)};
}

std::span<const std::byte> SafetensorsFile::bytes(std::string_view name) const {
    const TensorInfo* tensor = find(name);
    return tensor ? bytes(*tensor) : std::span<const std::byte>{};
}

}  // namespace caravan::engine
