// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/wire.h"

#include <unistd.h>

#include <bit>
#include <cstdlib>
#include <cstring>

#include "engine/api/json_builder.h"

namespace caravan::engine::wire {
namespace {

using nlohmann::json;
static_assert(std::endian::native == std::endian::little);

constexpr std::size_t kLengthBytes = 4;
constexpr std::uint8_t kFloat32Tag = 85;  // RFC 8746
// A body is at most what encode() makes: a frame of bytes cannot hold more values.
constexpr JsonLimits kLimits{
    .bytes = kMaxFrame, .depth = 64, .nodes = 16'000'000, .stringLength = kMaxFrame, .allowBinary = true};

tl::unexpected<Error> bad(std::string place, std::string detail) {
    return fail(
        ErrorCode::FileBad,
        {{"file", "the engine's socket"}, {"place", std::move(place)}, {"detail", std::move(detail)}});
}

// The one long array of a routing record travels as bytes; readers accept both (event_json.h).
void packValues(json& value) {
    if (value.is_array()) {
        if (!value.empty() && !value[0].is_structured()) return;
        for (json& item : value)
            packValues(item);
        return;
    }
    if (!value.is_object()) return;
    for (auto& [key, item] : value.items()) {
        if (key != "values" || !item.is_array() || item.size() < 64) {
            packValues(item);
            continue;
        }
        std::vector<float> floats;
        floats.reserve(item.size());
        for (const json& number : item) {
            if (!number.is_number()) return;
            floats.push_back(number.get<float>());
        }
        item = packFloats(floats);
    }
}

Result<json> readCbor(std::span<const std::uint8_t> bytes) {
    json root;
    JsonBuilder builder(kLimits, root);
    auto adapter = nlohmann::detail::input_adapter(bytes.begin(), bytes.end());
    using Reader = nlohmann::detail::binary_reader<json, decltype(adapter), JsonBuilder>;
    // json::sax_parse cannot keep the tag of a byte string; its reader can.
    if (Reader(std::move(adapter), json::input_format_t::cbor)
            .sax_parse(json::input_format_t::cbor, &builder, true, json::cbor_tag_handler_t::store))
        return root;
    return bad("a frame of " + std::to_string(bytes.size()) + " bytes", builder.reason());
}

}  // namespace

std::vector<std::uint8_t> encode(const Frame& frame) {
    json body = frame.body;
    packValues(body);
    std::vector<std::uint8_t> out(kLengthBytes);
    json::to_cbor(json{{"t", frame.type}, {"id", frame.id}, {"b", std::move(body)}},
                  nlohmann::detail::output_adapter<std::uint8_t>(out));
    const std::size_t size = out.size() - kLengthBytes;
    if (size > kMaxFrame)
        throw EngineException(
            ErrorCode::Internal,
            {{"detail", "a frame " + frame.type + " of " + std::to_string(size) + " bytes is too large"}});
    const auto length = static_cast<std::uint32_t>(size);
    std::memcpy(out.data(), &length, kLengthBytes);
    return out;
}

void Decoder::feed(std::span<const std::uint8_t> bytes) {
    if (m_start > 0 && (m_start == m_buffer.size() || m_start > (1u << 20))) {
        m_buffer.erase(m_buffer.begin(), m_buffer.begin() + static_cast<std::ptrdiff_t>(m_start));
        m_start = 0;
    }
    m_buffer.insert(m_buffer.end(), bytes.begin(), bytes.end());
}

Result<bool> Decoder::take(Frame& frame) {
    const std::span<const std::uint8_t> rest = std::span(m_buffer).subspan(m_start);
    if (rest.size() < kLengthBytes) return false;
    std::uint32_t length = 0;
    std::memcpy(&length, rest.data(), kLengthBytes);
    if (length > kMaxFrame)
        return bad("the length of a frame",
                   std::to_string(length) + " bytes, the limit is " + std::to_string(kMaxFrame));
    if (rest.size() - kLengthBytes < length) return false;
    auto json = readCbor(rest.subspan(kLengthBytes, length));
    if (!json) return tl::unexpected(json.error());
    const auto type = json->is_object() ? json->find("t") : json->end();
    const auto id = json->is_object() ? json->find("id") : json->end();
    if (!json->is_object() || type == json->end() || !type->is_string() || id == json->end() ||
        !id->is_number_unsigned())
        return bad("a frame", "it has no type and id");
    frame.type = type->get<std::string>();
    frame.id = id->get<std::uint64_t>();
    const auto body = json->find("b");
    frame.body = body == json->end() ? nlohmann::json() : std::move(*body);
    m_start += kLengthBytes + length;
    return true;
}

json packFloats(std::span<const float> values) {
    json::binary_t::container_type bytes(values.size_bytes());
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), values.size_bytes());
    return json::binary(std::move(bytes), kFloat32Tag);
}

Result<std::vector<float>> unpackFloats(const json& value) {
    if (!value.is_binary()) return bad("a list of numbers", "not a byte string");
    const auto& bytes = value.get_binary();
    if (!bytes.has_subtype() || bytes.subtype() != kFloat32Tag)
        return bad("a list of numbers", "its tag is not 85");
    if (bytes.size() % sizeof(float) != 0)
        return bad("a list of numbers",
                   std::to_string(bytes.size()) + " bytes are no whole number of float32");
    std::vector<float> out(bytes.size() / sizeof(float));
    if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
}

std::string socketPath() {
    if (const char* said = std::getenv("CARAVAN_SOCKET"); said && *said) return said;
    if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime && *runtime)
        return std::string(runtime) + "/caravan/engine.sock";
    return "/tmp/caravan-" + std::to_string(::getuid()) + "/engine.sock";
}

}  // namespace caravan::engine::wire
