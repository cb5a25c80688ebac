// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/data/row_feed.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

const char* const kTooLong = "it is longer than 8 MiB";

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// Calls line(text without its end, number from 1) for each line; tooLong(number) for one over the limit.
// Files with carriage returns alone have those as line ends.
template <class Line, class TooLong>
void forEachLine(RowFeed& feed, Line line, TooLong tooLong) {
    InputWindow& in = feed.in;
    const std::string_view head = in.view();
    const char end =
        head.find('\n') == std::string_view::npos && head.find('\r') != std::string_view::npos ? '\r' : '\n';
    for (std::int64_t number = 1;; ++number) {
        feed.check();
        std::size_t searched = 0, found;
        while ((found = in.view().find(end, searched)) == std::string_view::npos) {
            searched = in.view().size();
            if (searched > kMaxRowBytes || !in.more()) break;
        }
        const std::string_view held = in.view();
        if (held.empty()) return;
        const bool whole = found != std::string_view::npos;
        const std::size_t length = whole ? found : held.size();
        if (length > kMaxRowBytes) {
            tooLong(number);
            in.skipLine(end);
            continue;
        }
        line(held.substr(0, length), number);
        in.consume(length + (whole ? 1 : 0));
    }
}

std::string badText(std::string_view text) {
    if (const std::size_t bad = utf8::firstInvalid(text); bad != std::string_view::npos)
        return fmt::format("byte {} is not UTF-8", bad + 1);
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
        return fmt::format("byte {} is NUL", nul + 1);
    return {};
}

// A row of plain text, line by line until a blank one.
class TextBlock {
  public:
    explicit TextBlock(RowFeed& feed) : m_feed(feed) {}
    void line(std::string_view text, std::int64_t number) {
        if (trimmed(text).empty()) return end();
        if (m_first == 0) m_first = number;
        if (text.ends_with('\r')) text.remove_suffix(1);
        if (m_text.size() + text.size() > kMaxRowBytes) return skip(number);
        if (!m_text.empty()) m_text += '\n';
        m_text += text;
    }
    void skip(std::int64_t number) {
        if (m_first == 0) m_first = number;
        m_tooLong = true;
        m_text.clear();
    }
    void end() {
        if (m_first == 0) return;
        const std::string bad = m_tooLong ? kTooLong : badText(m_text);
        const std::string key = m_feed.chosen.answer.empty() ? "text" : m_feed.chosen.answer;
        if (bad.empty())
            m_feed.accept(m_mapper.row({{key, std::move(m_text)}}), m_first);
        else
            m_feed.problem(m_first, bad);
        m_first = 0;
        m_text.clear();
        m_tooLong = false;
    }

  private:
    static ColumnMapping completion() {
        ColumnMapping columns;
        columns.shape = RowShape::Completion;
        return columns;
    }
    RowFeed& m_feed;
    RowMapper m_mapper{completion()};
    std::string m_text;
    std::int64_t m_first = 0;  // 0: no row has begun
    bool m_tooLong = false;
};

}  // namespace

void readLines(RowFeed& feed) {
    forEachLine(
        feed,
        [&](std::string_view line, std::int64_t number) {
            if (!trimmed(line).empty()) feed.accept(feed.mapper.parse(trimmed(line)), number);
        },
        [&](std::int64_t number) { feed.problem(number, kTooLong); });
}

void readPlainText(RowFeed& feed) {
    TextBlock block(feed);
    forEachLine(
        feed, [&](std::string_view line, std::int64_t number) { block.line(line, number); },
        [&](std::int64_t number) { block.skip(number); });
    block.end();
}

}  // namespace caravan::engine
