// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/data_row.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "engine/formats/bounded_json.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

using Json = nlohmann::json;

// The reason why a row is refused.
struct BadRow {
    std::string reason;
};

constexpr JsonLimits kRowLimits{
    .bytes = kMaxRowBytes, .depth = 32, .nodes = 200'000, .stringLength = kMaxRowBytes};

std::string textOf(const Json& object, const char* key, const std::string& where) {
    const auto it = object.find(key);
    if (it == object.end()) throw BadRow{fmt::format("{} has no \"{}\"", where, key)};
    if (!it->is_string()) throw BadRow{fmt::format("\"{}\" of {} is not a string", key, where)};
    return it->get<std::string>();
}

std::string optionalText(const Json& object, const char* key, const std::string& where) {
    const auto it = object.find(key);
    return it == object.end() || it->is_null() ? std::string() : textOf(object, key, where);
}

const Json& listOf(const Json& row, const char* key) {
    const Json& list = row[key];
    if (!list.is_array()) throw BadRow{fmt::format("\"{}\" is not a list", key)};
    if (list.empty()) throw BadRow{fmt::format("\"{}\" is empty", key)};
    return list;
}

void requireObject(const Json& value, const std::string& where) {
    if (!value.is_object()) throw BadRow{where + " is not an object"};
}

DataRow pescRow(const Json& json) {
    DataRow row{.system = optionalText(json, "instruction", "the row"), .turns = {}, .line = 0};
    const Json& turns = listOf(json, "conversation");
    for (std::size_t i = 0; i < turns.size(); ++i) {
        const std::string where = fmt::format("turn {} of \"conversation\"", i + 1);
        requireObject(turns[i], where);
        row.turns.push_back({textOf(turns[i], "input", where), textOf(turns[i], "output", where)});
    }
    return row;
}

DataRow alpacaRow(const Json& json) {
    DataTurn turn{textOf(json, "instruction", "the row"), textOf(json, "output", "the row")};
    const std::string input = optionalText(json, "input", "the row");
    if (!input.empty()) turn.prompt += "\n" + input;
    return {.system = optionalText(json, "system", "the row"), .turns = {std::move(turn)}, .line = 0};
}

enum class Speaker { System, User, Assistant };

std::optional<Speaker> speakerOf(const std::string& role) {
    if (role == "system") return Speaker::System;
    if (role == "user" || role == "human") return Speaker::User;
    if (role == "assistant" || role == "gpt" || role == "model" || role == "chatgpt")
        return Speaker::Assistant;
    return std::nullopt;
}

// A list of messages: at most one system text first, then user and assistant by turns. A last user message
// without an answer teaches nothing and is refused rather than lost.
DataRow conversationRow(const Json& json, const char* listKey, const char* roleKey, const char* textKey) {
    DataRow row;
    bool waits = false;  // a user message without its answer
    const Json& list = listOf(json, listKey);
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string where = fmt::format("message {} of \"{}\"", i + 1, listKey);
        requireObject(list[i], where);
        const std::string role = textOf(list[i], roleKey, where);
        std::string text = textOf(list[i], textKey, where);
        const auto speaker = speakerOf(role);
        if (!speaker) throw BadRow{fmt::format("{} is by \"{}\", which is not supported", where, role)};
        const bool fits = *speaker == Speaker::System ? i == 0 : (*speaker == Speaker::Assistant) == waits;
        if (!fits) throw BadRow{fmt::format("{} by \"{}\" stands in the wrong place", where, role)};
        if (*speaker == Speaker::System) row.system = std::move(text);
        if (*speaker == Speaker::User) row.turns.push_back({std::move(text), {}});
        if (*speaker == Speaker::Assistant) row.turns.back().answer = std::move(text);
        waits = *speaker == Speaker::User;
    }
    if (row.turns.empty()) throw BadRow{fmt::format("\"{}\" has no turn", listKey)};
    if (waits) throw BadRow{fmt::format("the last message of \"{}\" has no answer", listKey)};
    return row;
}

ParsedRow rowFromJson(const Json& json) {
    requireObject(json, "the row");
    if (json.contains("conversation")) return {pescRow(json), RowFormat::Pesc};
    if (json.contains("conversations"))
        return {conversationRow(json, "conversations", "from", "value"), RowFormat::ShareGpt};
    if (json.contains("messages"))
        return {conversationRow(json, "messages", "role", "content"), RowFormat::Messages};
    if (json.contains("instruction") && json.contains("output")) return {alpacaRow(json), RowFormat::Alpaca};
    throw BadRow{
        "none of \"conversation\", \"conversations\", \"messages\", \"instruction\" with \"output\" is "
        "there"};
}

}  // namespace

const char* formatName(RowFormat format) {
    switch (format) {
        case RowFormat::Pesc:
            return "PESC rows";
        case RowFormat::Alpaca:
            return "Alpaca rows";
        case RowFormat::ShareGpt:
            return "ShareGPT conversations";
        case RowFormat::Messages:
            return "Message lists";
    }
    return "";
}

tl::expected<ParsedRow, std::string> parseRowJson(const Json& json) {
    try {
        return rowFromJson(json);
    } catch (const BadRow& bad) {
        return tl::unexpected(bad.reason);
    }
}

tl::expected<ParsedRow, std::string> parseRow(std::string_view text) {
    if (const std::size_t bad = utf8::firstInvalid(text); bad != std::string_view::npos)
        return tl::unexpected(fmt::format("byte {} is not UTF-8", bad + 1));
    const auto json = parseJson(text, "row", kRowLimits);
    if (!json) {
        std::string_view place = json.error().parameter("place");
        if (const std::size_t byte = place.find("byte"); byte != std::string_view::npos)
            place.remove_prefix(byte);
        return tl::unexpected(fmt::format("{} ({})", json.error().parameter("detail"), place));
    }
    return parseRowJson(*json);
}

}  // namespace caravan::engine
