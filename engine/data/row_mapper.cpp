// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/row_mapper.h"

#include <fmt/format.h>

#include <optional>

#include "engine/data/column_names.h"
#include "engine/formats/bounded_json.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

using Json = nlohmann::json;

// The reason why a row is refused.
struct BadRow {
    std::string reason;
};

constexpr JsonLimits kRowLimits{.bytes = kMaxRowBytes,
                                .depth = 32,
                                .nodes = 200'000,
                                .stringLength = kMaxRowBytes,
                                .refuseDuplicateKeys = true};

std::string shown(std::string_view name) {
    return utf8::lossy(std::string(name.substr(0, 60)));
}

std::vector<std::string> keysOf(const Json& object) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : object.items())
        if (keys.size() < 64) keys.push_back(key);
    return keys;
}

void requireObject(const Json& value, const std::string& where) {
    if (!value.is_object()) throw BadRow{where + " is not an object"};
}

const std::string& plainText(const Json& value, const std::string& key, const std::string& where) {
    if (!value.is_string()) throw BadRow{fmt::format("\"{}\" of {} is not a string", shown(key), where)};
    const auto& text = value.get_ref<const std::string&>();
    if (text.find('\0') != std::string::npos)
        throw BadRow{fmt::format("\"{}\" of {} has a NUL character", shown(key), where)};
    return text;
}

std::string textOf(const Json& object, const std::string& key, const std::string& where) {
    const auto it = object.find(key);
    if (it != object.end()) return plainText(*it, key, where);
    const std::string nearest = nearestColumn(key, keysOf(object));
    throw BadRow{fmt::format("{} has no \"{}\"{}", where, shown(key),
                             nearest.empty() ? "" : fmt::format("; did it mean \"{}\"?", shown(nearest)))};
}

std::string optionalText(const Json& object, const std::string& key, const std::string& where) {
    if (key.empty()) return {};
    const auto it = object.find(key);
    return it == object.end() || it->is_null() ? std::string() : plainText(*it, key, where);
}

// What the model shall learn to write.
std::string answerOf(std::string text, const std::string& key, const std::string& where) {
    if (text.empty())
        throw BadRow{fmt::format("\"{}\" of {} is empty: no token to train on", shown(key), where)};
    if (text.find_first_not_of(" \t\r\n") == std::string::npos)
        throw BadRow{fmt::format("\"{}\" of {} is only white space", shown(key), where)};
    return text;
}

// A list; in a delimited file the text of one.
Json listOf(const Json& row, const std::string& key) {
    const auto it = row.find(key);
    if (it == row.end()) throw BadRow{fmt::format("the row has no \"{}\"", shown(key))};
    Json list = *it;
    if (it->is_string() && it->get_ref<const std::string&>().starts_with('[')) {
        const auto parsed = parseJson(it->get_ref<const std::string&>(), "list", kRowLimits);
        if (!parsed)
            throw BadRow{fmt::format("the list in \"{}\" is not JSON: {}", shown(key),
                                     parsed.error().parameter("detail"))};
        list = *parsed;
    }
    if (!list.is_array()) throw BadRow{fmt::format("\"{}\" is not a list", shown(key))};
    if (list.empty()) throw BadRow{fmt::format("\"{}\" is empty", shown(key))};
    return list;
}

DataRow pescRow(const Json& json, const ColumnMapping& map) {
    DataRow row;
    row.system = optionalText(json, map.system, "the row");
    const Json turns = listOf(json, map.messages);
    for (std::size_t i = 0; i < turns.size(); ++i) {
        const std::string where = fmt::format("turn {} of \"{}\"", i + 1, map.messages);
        requireObject(turns[i], where);
        row.turns.push_back({textOf(turns[i], map.prompt, where),
                             answerOf(textOf(turns[i], map.answer, where), map.answer, where)});
    }
    return row;
}

DataRow alpacaRow(const Json& json, const ColumnMapping& map) {
    const std::string where = "the row";
    DataTurn turn{textOf(json, map.prompt, where),
                  answerOf(textOf(json, map.answer, where), map.answer, where)};
    const std::string input = optionalText(json, map.input, where);
    if (!input.empty()) turn.prompt += (turn.prompt.empty() ? "" : "\n") + input;
    DataRow row;
    row.system = optionalText(json, map.system, where);
    row.turns.push_back(std::move(turn));
    return row;
}

enum class Speaker { System, User, Assistant };

std::optional<Speaker> speakerOf(const std::string& role) {
    if (role == "system" || role == "developer") return Speaker::System;
    if (role == "user" || role == "human") return Speaker::User;
    if (role == "assistant" || role == "gpt" || role == "model" || role == "chatgpt" || role == "bot")
        return Speaker::Assistant;
    return std::nullopt;
}

// A message's text: a string, or OpenAI's list of parts that are all text.
std::string messageText(const Json& message, const std::string& key, const std::string& where) {
    const auto it = message.find(key);
    if (it == message.end() || !it->is_array()) return textOf(message, key, where);
    std::string text;
    for (const Json& part : *it) {
        if (!part.is_object() || !part.contains("text"))
            throw BadRow{fmt::format("{} has a part that is not text", where)};
        text += plainText(part["text"], "text", where);
    }
    return text;
}

// A list of messages: at most one system text first, then user and assistant by turns. A last user message
// without an answer teaches nothing and is refused rather than lost.
DataRow conversationRow(const Json& json, const ColumnMapping& map) {
    DataRow row;
    bool waits = false;  // a user message without its answer
    row.system = optionalText(json, map.system, "the row");
    const Json list = listOf(json, map.messages);
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string where = fmt::format("message {} of \"{}\"", i + 1, map.messages);
        requireObject(list[i], where);
        const std::string role = textOf(list[i], map.role, where);
        std::string text = messageText(list[i], map.content, where);
        const auto speaker = speakerOf(role);
        if (!speaker)
            throw BadRow{fmt::format("{} is by \"{}\", which is not supported", where, shown(role))};
        const bool fits = *speaker == Speaker::System ? i == 0 : (*speaker == Speaker::Assistant) == waits;
        if (!fits) throw BadRow{fmt::format("{} by \"{}\" stands in the wrong place", where, role)};
        if (*speaker == Speaker::System) row.system = std::move(text);
        if (*speaker == Speaker::User) row.turns.push_back({std::move(text), {}});
        if (*speaker == Speaker::Assistant)
            row.turns.back().answer = answerOf(std::move(text), map.content, where);
        waits = *speaker == Speaker::User;
    }
    if (row.turns.empty()) throw BadRow{fmt::format("\"{}\" has no turn", map.messages)};
    if (waits) throw BadRow{fmt::format("the last message of \"{}\" has no answer", map.messages)};
    return row;
}

DataRow completionRow(const Json& json, const ColumnMapping& map) {
    DataRow row;
    row.completion = true;
    row.turns.push_back({{}, answerOf(textOf(json, map.answer, "the row"), map.answer, "the row")});
    return row;
}

void fill(std::string& name, std::string_view found) {
    if (name.empty()) name = found;
}

// The first entry of a list column: its keys tell whose habit it follows.
const Json* firstEntry(const Json& object, const std::string& key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_array() && !it->empty() && it->front().is_object() ? &it->front()
                                                                                           : nullptr;
}

// Why a row with these keys cannot be a conversation.
std::string unknownColumns(const Json& object, const std::vector<std::string>& keys) {
    for (const std::string& key : keys)
        if (firstEntry(object, key) && object.size() <= 8)
            return fmt::format(
                "the rows seem to stand inside of \"{}\": save that list alone, or choose the "
                "columns",
                shown(key));
    std::string there;
    for (std::size_t i = 0; i < std::min<std::size_t>(keys.size(), 8); ++i)
        there += (there.empty() ? "\"" : ", \"") + shown(keys[i]) + "\"";
    return fmt::format(
        "none of \"conversation\", \"conversations\", \"messages\", \"instruction\" with "
        "\"output\", \"text\" is there, only {}: choose the columns",
        there.empty() ? "nothing" : there);
}

RowShape listShape(const Json& object, const std::string& key) {
    if (const Json* entry = firstEntry(object, key)) {
        if (entry->contains("role") && entry->contains("content")) return RowShape::Messages;
        if (entry->contains("from") && entry->contains("value")) return RowShape::ShareGpt;
        if (entry->contains("input") && entry->contains("output")) return RowShape::Pesc;
    }
    if (!columns::firstOf(columns::kTurns, {key}).empty()) return RowShape::Pesc;
    if (key == "conversations") return RowShape::ShareGpt;
    // A delimited file holds the list as text.
    const auto it = object.find(key);
    const bool from = it != object.end() && it->is_string() &&
                      it->get_ref<const std::string&>().find("\"from\"") != std::string::npos;
    return from ? RowShape::ShareGpt : RowShape::Messages;
}

}  // namespace

const char* shapeName(RowShape shape) {
    switch (shape) {
        case RowShape::Auto:
            return "";
        case RowShape::Pesc:
            return "PESC rows";
        case RowShape::Alpaca:
            return "Alpaca rows";
        case RowShape::ShareGpt:
            return "ShareGPT conversations";
        case RowShape::Messages:
            return "Message lists";
        case RowShape::Completion:
            return "Plain text";
    }
    return "";
}

tl::expected<ColumnMapping, std::string> RowMapper::recognise(const Json& object) const {
    const std::vector<std::string> keys = keysOf(object);
    ColumnMapping map = m_chosen;
    RowShape& shape = map.shape;
    std::string list = map.messages;
    if (list.empty()) list = columns::firstOf(columns::kTurns, keys);
    if (list.empty()) list = columns::firstOf(columns::kMessages, keys);
    const bool flat = !map.answer.empty() && map.messages.empty() && !object.contains(list);
    if (shape == RowShape::Auto && !list.empty() && !flat) shape = listShape(object, list);
    if (shape == RowShape::Auto) {
        const std::string prompt = map.prompt.empty() ? columns::firstOf(columns::kPrompt, keys) : map.prompt;
        const std::string answer = map.answer.empty() ? columns::firstOf(columns::kAnswer, keys) : map.answer;
        if (!prompt.empty() && !answer.empty() && prompt != answer)
            shape = RowShape::Alpaca;
        else if (!answer.empty() && !map.answer.empty())
            shape = RowShape::Completion;
        else if (!columns::firstOf(columns::kText, keys).empty() && prompt.empty())
            shape = RowShape::Completion;
    }
    switch (shape) {
        case RowShape::Auto:
            return tl::unexpected(unknownColumns(object, keys));
        case RowShape::Pesc:
            fill(map.messages, list.empty() ? "conversation" : list);
            fill(map.system, columns::firstOf(columns::kPescSystem, keys));
            fill(map.prompt, "input");
            fill(map.answer, "output");
            break;
        case RowShape::Alpaca:
            fill(map.prompt, columns::firstOf(columns::kPrompt, keys));
            fill(map.prompt, "instruction");
            fill(map.answer, columns::firstOf(columns::kAnswer, keys));
            fill(map.answer, "output");
            for (const std::string_view& usual : columns::kInput) {
                const std::string input = columns::firstOf({&usual, 1}, keys);
                if (!input.empty() && input != map.prompt && input != map.answer) fill(map.input, input);
            }
            fill(map.system, columns::firstOf(columns::kSystem, keys));
            break;
        case RowShape::ShareGpt:
        case RowShape::Messages: {
            const bool share = shape == RowShape::ShareGpt;
            fill(map.messages, list.empty() ? (share ? "conversations" : "messages") : list);
            fill(map.role, share ? "from" : "role");
            fill(map.content, share ? "value" : "content");
            fill(map.system, columns::firstOf(columns::kSystem, keys));
            break;
        }
        case RowShape::Completion:
            fill(map.answer, columns::firstOf(columns::kText, keys));
            fill(map.answer, "text");
            break;
    }
    return map;
}

RowOrReason RowMapper::row(const Json& object) const {
    try {
        requireObject(object, "the row");
        auto map = recognise(object);
        if (!map) return tl::unexpected(map.error());
        ParsedRow parsed{{}, std::move(*map), keysOf(object)};
        switch (parsed.columns.shape) {
            case RowShape::Pesc:
                parsed.row = pescRow(object, parsed.columns);
                break;
            case RowShape::ShareGpt:
            case RowShape::Messages:
                parsed.row = conversationRow(object, parsed.columns);
                break;
            case RowShape::Completion:
                parsed.row = completionRow(object, parsed.columns);
                break;
            default:
                parsed.row = alpacaRow(object, parsed.columns);
        }
        return parsed;
    } catch (const BadRow& bad) {
        return tl::unexpected(bad.reason);
    }
}

RowOrReason RowMapper::parse(std::string_view text) const {
    if (const std::size_t bad = utf8::firstInvalid(text); bad != std::string_view::npos)
        return tl::unexpected(fmt::format("byte {} is not UTF-8", bad + 1));
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
        return tl::unexpected(fmt::format("byte {} is NUL", nul + 1));
    const auto json = parseJson(text, "row", kRowLimits);
    if (!json) {
        std::string_view place = json.error().parameter("place");
        if (const std::size_t byte = place.find("byte"); byte != std::string_view::npos)
            place.remove_prefix(byte);
        if (place == fmt::format("byte {}", text.size()))
            return tl::unexpected(fmt::format("the JSON ends too early ({}): is the file cut off?", place));
        return tl::unexpected(fmt::format("{} ({})", json.error().parameter("detail"), place));
    }
    return row(*json);
}

}  // namespace caravan::engine
