// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/token_decoder.h"

#include <algorithm>

#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/pattern.h"
#include "engine/tokenizer/text_tools.h"
#include "engine/tokenizer/tokenizer_fields.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

using Json = nlohmann::json;
using Entries = std::vector<std::string>;

std::string joined(const Entries& entries, std::string_view between = {}) {
    std::string out;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (i > 0) out.append(between);
        out.append(entries[i]);
    }
    return out;
}

Entries byEntry(Entries entries, const std::function<std::string(std::string)>& map) {
    for (std::string& entry : entries)
        entry = map(std::move(entry));
    return entries;
}

// A run of byte entries is text if it is UTF-8 as a whole, else one U+FFFD per byte.
Entries bytesFused(const Entries& entries) {
    Entries out;
    std::string run;
    const auto flush = [&] {
        if (run.empty()) return;
        if (utf8::firstInvalid(run) == std::string_view::npos)
            out.push_back(run);
        else
            out.insert(out.end(), run.size(), std::string(utf8::kReplacement));
        run.clear();
    };
    for (const std::string& entry : entries) {
        if (const auto byte = byteOfPieceName(entry)) {
            run.push_back(static_cast<char>(*byte));
            continue;
        }
        flush();
        out.push_back(entry);
    }
    flush();
    return out;
}

std::string stripped(std::string_view text, std::string_view mark, std::size_t start, std::size_t stop) {
    if (mark.empty()) return std::string(text);
    while (start-- > 0 && text.starts_with(mark))
        text.remove_prefix(mark.size());
    while (stop-- > 0 && text.ends_with(mark))
        text.remove_suffix(mark.size());
    return std::string(text);
}

std::string bytesOrSelf(const std::string& entry) {
    return bytesOfByteLevel(entry).value_or(entry);
}

}  // namespace

TokenDecoder::Step TokenDecoder::byteLevel() {
    return {[](const Entries& entries) {
                std::string bytes;
                for (const std::string& entry : entries)
                    bytes += bytesOrSelf(entry);
                return Entries{utf8::lossy(bytes)};
            },
            [](const std::string& entry) { return bytesOrSelf(entry); }, true};
}

TokenDecoder::Step TokenDecoder::byteFallback() {
    return {[](const Entries& entries) { return bytesFused(entries); },
            [](const std::string& entry) {
                const auto byte = byteOfPieceName(entry);
                return byte ? std::string(1, static_cast<char>(*byte)) : entry;
            }};
}

TokenDecoder::Step TokenDecoder::strip(const Json& json, const std::string& place, bool afterFuse) {
    const TokenizerFields fields(json, place);
    const auto map = [mark = fields.text("content"), start = fields.countOr("start", 0),
                      stop = fields.countOr("stop", 0)](const std::string& text) {
        return stripped(text, mark, start, stop);
    };
    Step step{[map](Entries entries) { return byEntry(std::move(entries), map); }, {}};
    if (!afterFuse) step.running = map;  // behind Fuse it concerns the ends of the whole text only
    return step;
}

TokenDecoder::Step TokenDecoder::metaspace(const Json& json, const std::string& place) {
    const TokenizerFields fields(json, place);
    const std::string mark = fields.textOr("replacement", std::string(utf8::kMetaspace));
    const std::string scheme =
        fields.textOr("prepend_scheme", fields.flagOr("add_prefix_space", true) ? "always" : "never");
    return {[mark, drop = scheme != "never"](Entries entries) {
                for (std::size_t i = 0; i < entries.size(); ++i)
                    entries[i] = replaceAll(entries[i], mark, i == 0 && drop ? "" : " ");
                return entries;
            },
            [mark](const std::string& entry) { return replaceAll(entry, mark, " "); }};
}

void TokenDecoder::addStep(std::vector<Step>& steps, const std::string& type, const Json& json,
                           const std::string& place) {
    const TokenizerFields fields(json, place);
    const bool afterFuse = std::any_of(steps.begin(), steps.end(), [](const Step& s) { return s.ends; });
    if (type == "ByteLevel") {
        steps.push_back(byteLevel());
    } else if (type == "ByteFallback") {
        steps.push_back(byteFallback());
    } else if (type == "Fuse") {
        steps.push_back({[](const Entries& entries) { return Entries{joined(entries)}; }, {}, true});
    } else if (type == "Replace") {
        const auto map = [pattern = Pattern::fromJson(fields.value("pattern"), fields.place("pattern")),
                          with = fields.text("content")](const std::string& text) {
            return pattern.replaced(text, with);
        };
        steps.push_back({[map](Entries entries) { return byEntry(std::move(entries), map); }, map});
    } else if (type == "Strip") {
        steps.push_back(strip(json, place, afterFuse));
    } else if (type == "Metaspace") {
        steps.push_back(metaspace(json, place));
    } else if (type == "BPEDecoder") {
        const std::string suffix = fields.textOr("suffix", "</w>");
        steps.push_back({[suffix](Entries entries) {
                             for (std::size_t i = 0; i < entries.size(); ++i)
                                 entries[i] =
                                     replaceAll(entries[i], suffix, i + 1 == entries.size() ? "" : " ");
                             return entries;
                         },
                         [suffix](const std::string& entry) { return replaceAll(entry, suffix, " "); }});
    } else {
        refuseType(place, type);
    }
}

void TokenDecoder::add(std::vector<Step>& steps, const Json& json, const std::string& place) {
    const TokenizerFields fields(json, place);
    const std::string type = fields.text("type");
    if (type != "Sequence") return addStep(steps, type, json, place);
    const Json& list = fields.list("decoders");
    for (std::size_t i = 0; i < list.size(); ++i)
        add(steps, list[i], fields.place("decoders[" + std::to_string(i) + "]"));
}

TokenDecoder TokenDecoder::fromJson(const Json& json, const std::string& place) {
    TokenDecoder decoder;
    if (json.is_null())
        decoder.m_joinWithSpaces = true;
    else
        add(decoder.m_steps, json, place);
    return decoder;
}

std::string TokenDecoder::decode(Entries entries) const {
    if (m_joinWithSpaces) return joined(entries, " ");
    for (const Step& step : m_steps)
        entries = step.whole(std::move(entries));
    return joined(entries);
}

std::string TokenDecoder::runningPiece(const std::string& entry) const {
    if (m_joinWithSpaces) return " " + entry;
    std::string text = entry;
    for (const Step& step : m_steps)
        if (step.running) text = step.running(std::move(text));
    return text;
}

}  // namespace caravan::engine
