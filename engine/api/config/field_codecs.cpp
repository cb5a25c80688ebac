// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/config/field_codecs.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/api/config/column_mapping.h"

namespace caravan::engine::fields {
namespace {

std::string shown(const json& value) {
    std::string text = value.is_string() ? value.get<std::string>()
                                         : value.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() > 200) text = text.substr(0, 197) + "...";
    return text;
}

}  // namespace

tl::unexpected<Error> badValue(const std::string& key, const json& value, std::string range) {
    return fail(ErrorCode::BadOption, {{"key", key}, {"value", shown(value)}, {"range", std::move(range)}});
}

bool inRange(const FieldDescriptor& field, double value) {
    return value >= field.minimum && value <= field.maximum;
}

std::optional<std::int64_t> whole(const json& value) {
    if (value.is_number_unsigned()) {
        const auto number = value.get<std::uint64_t>();
        if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            return std::nullopt;
        return static_cast<std::int64_t>(number);
    }
    if (value.is_number_integer()) return value.get<std::int64_t>();
    if (!value.is_number_float()) return std::nullopt;
    const double number = value.get<double>();
    if (!(std::abs(number) < 9e15) || number != std::floor(number)) return std::nullopt;
    return static_cast<std::int64_t>(number);
}

namespace {

// {"format": "csv", "prompt": "question", ...}
Result<ColumnMapping> columnsOf(const FieldDescriptor& field, const json& value) {
    if (!value.is_object()) return badValue(field.key + ".columns", value, "an object of names");
    ColumnMapping columns;
    for (const auto& [word, name] : value.items()) {
        if (!name.is_string()) return badValue(field.key + ".columns." + word, name, "a name");
        if (auto done = setMapping(columns, word, name.get<std::string>()); !done)
            return tl::unexpected(done.error());
    }
    return columns;
}

// A path, or {"path", "name", "weight", "columns"}.
Result<DataFile> dataFile(const FieldDescriptor& field, const json& value) {
    DataFile file;
    const char* range = "a path, or {path, name, weight, columns}";
    if (value.is_string()) {
        file.path = value.get<std::string>();
        return file;
    }
    if (!value.is_object() || !value.contains("path") || !value["path"].is_string())
        return badValue(field.key, value, range);
    for (const auto& [key, item] : value.items()) {
        if (key == "path")
            file.path = item.get<std::string>();
        else if (key == "name" && item.is_string())
            file.name = item.get<std::string>();
        else if (key == "name" && item.is_null())
            continue;
        else if (key == "weight" && item.is_number())
            file.weight = item.get<double>();
        else if (key == "columns") {
            auto columns = columnsOf(field, item);
            if (!columns) return tl::unexpected(columns.error());
            file.columns = std::move(*columns);
        } else if (key == "name" || key == "weight")
            return badValue(field.key + "." + key, item, key == "name" ? "a name" : "a number");
        else
            return fail(ErrorCode::UnknownKey,
                        {{"key", field.key + "." + key}, {"nearest", field.key + ".name"}});
    }
    if (!(file.weight >= 0.0 && file.weight <= 1000.0))
        return badValue(field.key + ".weight", file.weight, "0 to 1000");
    return file;
}

}  // namespace

Result<void> Codec<std::vector<std::string>>::set(const FieldDescriptor& field, std::vector<std::string>& out,
                                                  const json& value) {
    std::vector<std::string> list;
    if (value.is_string()) {  // "q_proj,v_proj"
        const std::string text = value.get<std::string>();
        for (std::size_t begin = 0; begin <= text.size();) {
            const std::size_t end = std::min(text.find(',', begin), text.size());
            if (end > begin) list.push_back(text.substr(begin, end - begin));
            begin = end + 1;
        }
    } else if (value.is_array()) {
        for (const json& item : value) {
            if (!item.is_string()) return badValue(field.key, value, rangeText(field));
            list.push_back(item.get<std::string>());
        }
    } else {
        return badValue(field.key, value, rangeText(field));
    }
    if (!field.choices.empty())
        for (const std::string& item : list)
            if (std::ranges::find(field.choices, item) == field.choices.end())
                return badValue(field.key, item, rangeText(field));
    out = std::move(list);
    return {};
}

json Codec<std::vector<DataFile>>::get(const std::vector<DataFile>& value) {
    json out = json::array();
    for (const DataFile& file : value) {
        json item = {{"path", file.path}};
        if (!file.name.empty()) item["name"] = file.name;
        if (file.weight != 1.0) item["weight"] = file.weight;
        if (!file.columns.isAutomatic()) item["columns"] = mappingToJson(file.columns);
        out.push_back(std::move(item));
    }
    return out;
}

Result<void> Codec<std::vector<DataFile>>::set(const FieldDescriptor& field, std::vector<DataFile>& out,
                                               const json& value) {
    if (!value.is_array()) return badValue(field.key, value, "a list of {path, name, weight, columns}");
    std::vector<DataFile> list;
    for (const json& item : value) {
        auto file = dataFile(field, item);
        if (!file) return tl::unexpected(file.error());
        list.push_back(std::move(*file));
    }
    out = std::move(list);
    return {};
}

}  // namespace caravan::engine::fields
