// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/config/column_mapping.h"

#include "engine/api/json_values.h"

namespace caravan::engine {
namespace {

using jsonvalues::fromWord;
using jsonvalues::wordOf;
using jsonvalues::Words;

template <class E>
Result<void> setWord(E& out, std::string_view key, std::string_view value) {
    if (const auto known = fromWord<E>(value)) {
        out = *known;
        return {};
    }
    std::string range;
    for (const char* word : Words<E>::kAll)
        range += (range.empty() ? "" : ", ") + std::string(word);
    return fail(ErrorCode::BadOption, {{"key", std::string(key)},
                                       {"value", std::string(value.substr(0, 200))},
                                       {"range", "one of " + range}});
}

}  // namespace

bool isMappingWord(std::string_view word) {
    if (word == "format" || word == "shape") return true;
    for (const MappedColumn& column : kMappedColumns)
        if (word == column.word) return true;
    return false;
}

Result<void> setMapping(ColumnMapping& mapping, std::string_view word, std::string_view value) {
    if (word == "format") return setWord(mapping.format, word, value);
    if (word == "shape") return setWord(mapping.shape, word, value);
    for (const MappedColumn& column : kMappedColumns)
        if (word == column.word) {
            mapping.*column.name = std::string(value);
            return {};
        }
    return fail(ErrorCode::UnknownKey, {{"key", std::string(word.substr(0, 200))}, {"nearest", "prompt"}});
}

nlohmann::json mappingToJson(const ColumnMapping& mapping) {
    nlohmann::json out = nlohmann::json::object();
    if (mapping.format != FileFormat::Auto) out["format"] = wordOf(mapping.format);
    if (mapping.shape != RowShape::Auto) out["shape"] = wordOf(mapping.shape);
    for (const MappedColumn& column : kMappedColumns)
        if (!(mapping.*column.name).empty()) out[column.word] = mapping.*column.name;
    return out;
}

ColumnMapping mappingFromJson(const nlohmann::json& json) {
    ColumnMapping mapping;
    if (!json.is_object()) return mapping;
    for (const auto& [word, value] : json.items())
        if (value.is_string() && isMappingWord(word)) {
            ColumnMapping changed = mapping;
            if (setMapping(changed, word, value.get<std::string>())) mapping = changed;
        }
    return mapping;
}

}  // namespace caravan::engine
