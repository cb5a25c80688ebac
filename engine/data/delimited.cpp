// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/delimited.h"

#include <algorithm>

namespace caravan::engine {
namespace {

using State = DelimitedRecord::State;

// Reads fields from left to right.
class RecordReader {
  public:
    RecordReader(std::string_view text, char separator, bool atEnd, bool multiline)
        : m_text(text), m_separator(separator), m_atEnd(atEnd), m_multiline(multiline) {}

    DelimitedRecord run() {
        for (;;) {
            const bool quoted = m_at < m_text.size() && m_text[m_at] == '"';
            if (!(quoted ? quotedField() : plainField())) return std::move(m_out);
            if (m_at < m_text.size() && m_text[m_at] == m_separator) {
                ++m_at;
                continue;
            }
            return end();
        }
    }

  private:
    static bool isLineEnd(char c) { return c == '\n' || c == '\r'; }

    bool plainField() {
        const std::size_t begin = m_at;
        while (m_at < m_text.size() && m_text[m_at] != m_separator && !isLineEnd(m_text[m_at]))
            ++m_at;
        if (m_at == m_text.size() && !m_atEnd) return stop(State::NeedsMore);
        m_out.fields.emplace_back(m_text.substr(begin, m_at - begin));
        return true;
    }

    bool quotedField() {
        std::string field;
        for (std::size_t at = m_at + 1;;) {
            const std::size_t quote = m_text.find('"', at);
            const std::size_t seen = std::min(quote, m_text.size());
            if (!m_multiline && m_text.substr(at, seen - at).find('\n') != std::string_view::npos)
                return stop(State::Unclosed);
            if (quote == std::string_view::npos || (quote + 1 == m_text.size() && !m_atEnd))
                return stop(m_atEnd ? State::Unclosed : State::NeedsMore);
            field += m_text.substr(at, quote - at);
            at = quote + 1;
            if (at < m_text.size() && m_text[at] == '"') {
                field += '"';
                ++at;
                continue;
            }
            m_at = at;
            break;
        }
        if (m_at < m_text.size() && m_text[m_at] != m_separator && !isLineEnd(m_text[m_at]))
            return stop(State::Malformed);
        m_out.fields.push_back(std::move(field));
        return true;
    }

    bool stop(State state) {
        m_out.state = state;
        m_out.column = m_out.fields.size() + 1;
        m_out.bytes = std::min(m_text.find('\n'), m_text.size() - 1) + 1;
        return false;
    }

    DelimitedRecord end() {
        if (m_at < m_text.size() && m_text[m_at] == '\r') {
            if (m_at + 1 == m_text.size() && !m_atEnd) {
                stop(State::NeedsMore);
                return std::move(m_out);
            }
            ++m_at;
        }
        if (m_at < m_text.size() && m_text[m_at] == '\n') ++m_at;
        m_out.bytes = m_at;
        const bool blank =
            m_out.fields.size() == 1 && m_out.fields[0].find_first_not_of(" \t") == std::string::npos;
        m_out.state = blank ? State::Blank : State::Complete;
        return std::move(m_out);
    }

    std::string_view m_text;
    char m_separator;
    bool m_atEnd, m_multiline;
    std::size_t m_at = 0;
    DelimitedRecord m_out;
};

}  // namespace

DelimitedRecord readRecord(std::string_view text, char separator, bool atEnd, bool multiline) {
    if (text.empty()) return {};
    return RecordReader(text, separator, atEnd, multiline).run();
}

std::vector<std::string> splitPlain(std::string_view line, char separator) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r'))
        line.remove_suffix(1);
    std::vector<std::string> fields;
    for (std::size_t begin = 0; begin <= line.size();) {
        const std::size_t end = std::min(line.find(separator, begin), line.size());
        fields.emplace_back(line.substr(begin, end - begin));
        begin = end + 1;
    }
    return fields;
}

char separatorOf(std::string_view header) {
    constexpr std::string_view kSeparators = ",;\t|";
    std::size_t counts[kSeparators.size()] = {};
    bool quoted = false;
    for (const char c : header.substr(0, std::min(header.find('\n'), header.size()))) {
        if (c == '"') quoted = !quoted;
        const std::size_t known = quoted ? std::string_view::npos : kSeparators.find(c);
        if (known != std::string_view::npos) ++counts[known];
    }
    const auto most = std::max_element(std::begin(counts), std::end(counts));
    return *most == 0 ? ',' : kSeparators[static_cast<std::size_t>(most - std::begin(counts))];
}

}  // namespace caravan::engine
