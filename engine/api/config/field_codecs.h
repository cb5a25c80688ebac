// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "engine/api/config/descriptors.h"
#include "engine/api/json_values.h"

// How each type of setting is read from JSON (or a bare string of the command line) and checked against its
// row of the descriptor table. For descriptors.cpp.
namespace caravan::engine::fields {

using nlohmann::json;

[[nodiscard]] tl::unexpected<Error> badValue(const std::string& key, const json& value, std::string range);
[[nodiscard]] bool inRange(const FieldDescriptor& field, double value);
// A whole number that JSON may spell 3, 3.0 or 3e0.
[[nodiscard]] std::optional<std::int64_t> whole(const json& value);

template <class T>
struct Codec;

template <>
struct Codec<std::int64_t> {
    static json get(const std::int64_t& value) { return value; }
    static Result<void> set(const FieldDescriptor& field, std::int64_t& out, const json& value) {
        const auto number = whole(value);
        if (!number || !inRange(field, static_cast<double>(*number)))
            return badValue(field.key, value, rangeText(field));
        out = *number;
        return {};
    }
};
template <>
struct Codec<std::uint64_t> {
    static json get(const std::uint64_t& value) { return value; }
    static Result<void> set(const FieldDescriptor& field, std::uint64_t& out, const json& value) {
        if (value.is_number_unsigned()) {
            out = value.get<std::uint64_t>();
            return {};
        }
        const auto number = whole(value);
        if (!number || *number < 0) return badValue(field.key, value, rangeText(field));
        out = static_cast<std::uint64_t>(*number);
        return {};
    }
};
template <>
struct Codec<double> {
    static json get(const double& value) { return value; }
    static Result<void> set(const FieldDescriptor& field, double& out, const json& value) {
        if (!value.is_number() || !inRange(field, value.get<double>()))
            return badValue(field.key, value, rangeText(field));
        out = value.get<double>();
        return {};
    }
};
template <>
struct Codec<std::string> {
    static json get(const std::string& value) { return value; }
    static Result<void> set(const FieldDescriptor& field, std::string& out, const json& value) {
        // --set name=0001 reads as a number: its text is meant.
        if (!value.is_string() && !value.is_number()) return badValue(field.key, value, rangeText(field));
        out = value.is_string() ? value.get<std::string>() : value.dump();
        return {};
    }
};
template <class E>
requires std::is_enum_v<E>
struct Codec<E> {
    static json get(const E& value) { return jsonvalues::wordOf(value); }
    static Result<void> set(const FieldDescriptor& field, E& out, const json& value) {
        const auto known =
            value.is_string() ? jsonvalues::fromWord<E>(value.get_ref<const std::string&>()) : std::nullopt;
        if (!known) return badValue(field.key, value, rangeText(field));
        out = *known;
        return {};
    }
};
template <class T>
struct Codec<std::optional<T>> {
    static json get(const std::optional<T>& value) { return value ? Codec<T>::get(*value) : json(nullptr); }
    static Result<void> set(const FieldDescriptor& field, std::optional<T>& out, const json& value) {
        if (value.is_null()) {
            out.reset();
            return {};
        }
        T inner{};
        auto done = Codec<T>::set(field, inner, value);
        if (done) out = inner;
        return done;
    }
};
// A list of texts: a JSON array, or "q_proj,v_proj".
template <>
struct Codec<std::vector<std::string>> {
    static json get(const std::vector<std::string>& value) { return value; }
    static Result<void> set(const FieldDescriptor& field, std::vector<std::string>& out, const json& value);
};
// Data files: paths, or {"path", "name", "weight"}.
template <>
struct Codec<std::vector<DataFile>> {
    static json get(const std::vector<DataFile>& value);
    static Result<void> set(const FieldDescriptor& field, std::vector<DataFile>& out, const json& value);
};

}  // namespace caravan::engine::fields
