// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "engine/api/config/column_mapping.h"
#include "engine/data/delimited.h"
#include "engine/data/row_feed.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

using State = DelimitedRecord::State;

// After so many quotes that are never closed, quoted fields may not run over their line any more.
constexpr int kMaxUnclosed = 8;
constexpr std::size_t kMaxColumns = 4096;

class TableReader {
  public:
    TableReader(RowFeed& feed, bool tabs) : m_feed(feed), m_in(feed.in), m_tabs(tabs) {}

    void run() {
        m_separator = m_tabs ? '\t' : separatorOf(m_in.view());
        if (!readHeader()) return;
        for (;;) {
            m_feed.check();
            const DelimitedRecord record = next();
            if (record.bytes == 0) return;
            const std::int64_t line = m_in.line();
            if (record.state != State::Blank) take(record, line);
            const bool cut = record.bytes > kMaxRowBytes && m_in.view()[record.bytes - 1] != '\n';
            m_in.consume(record.bytes);
            if (cut) m_in.skipLine();
        }
    }

  private:
    // The record at the begin of the window; bytes 0 at the end of the file.
    DelimitedRecord next() {
        for (bool atEnd = false;;) {
            const std::string_view held = m_in.view();
            if (!held.empty()) {
                DelimitedRecord record = readRecord(held, m_separator, atEnd, m_multiline);
                if (record.state != State::NeedsMore) return record;
                if (held.size() > kMaxRowBytes) {
                    record.state = State::Unclosed;
                    return record;
                }
            } else if (atEnd) {
                return {};
            }
            atEnd = !m_in.more();
        }
    }

    bool readHeader() {
        DelimitedRecord record;
        while ((record = next()).state == State::Blank)
            m_in.consume(record.bytes);
        if (record.bytes == 0) return false;
        if (record.state != State::Complete || record.bytes > kMaxRowBytes)
            m_feed.refuse("line 1", "the header has a quote that is not closed");
        if (const std::string bad = badText(m_in.view().substr(0, record.bytes)); !bad.empty())
            m_feed.refuse("line 1", bad);
        if (record.fields.size() > kMaxColumns)
            m_feed.refuse("line 1", fmt::format("{} columns are too many", record.fields.size()));
        std::set<std::string> seen;
        for (std::size_t i = 0; i < record.fields.size(); ++i) {
            std::string name = record.fields[i];
            while (name.starts_with(' '))
                name.erase(0, 1);
            while (name.ends_with(' '))
                name.pop_back();
            if (name.empty()) name = fmt::format("column {}", i + 1);
            if (!seen.insert(name).second)
                m_feed.refuse("line 1", fmt::format("two columns are called \"{}\"", name));
            m_header.push_back(std::move(name));
        }
        requireChosen();
        m_in.consume(record.bytes);
        return true;
    }

    // Names that the user chose must stand in the header; role and content are keys inside a list.
    void requireChosen() const {
        const bool turns = m_feed.chosen.shape == RowShape::Pesc;
        for (const MappedColumn& column : kMappedColumns) {
            const std::string& name = m_feed.chosen.*column.name;
            if (name.empty() || column.name == &ColumnMapping::role || column.name == &ColumnMapping::content)
                continue;
            if (turns && (column.name == &ColumnMapping::prompt || column.name == &ColumnMapping::answer))
                continue;
            if (std::find(m_header.begin(), m_header.end(), name) != m_header.end()) continue;
            const std::string nearest = nearestColumn(name, m_header);
            m_feed.refuse("line 1",
                          fmt::format("there is no column \"{}\"{}", name,
                                      nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest)));
        }
    }

    void take(const DelimitedRecord& record, std::int64_t line) {
        const std::string_view text = m_in.view().substr(0, record.bytes);
        if (text.size() > kMaxRowBytes) return m_feed.problem(line, "it is longer than 8 MiB");
        if (const std::string bad = badText(text); !bad.empty()) return m_feed.problem(line, bad);
        if (record.state == State::Complete) return takeFields(record.fields, line);
        if (m_tabs) {  // quotes mean nothing to many who write tabs
            const auto fields = splitPlain(text, m_separator);
            if (fields.size() == m_header.size()) return takeFields(fields, line);
        }
        if (record.state == State::Unclosed && ++m_unclosed > kMaxUnclosed) m_multiline = false;
        m_feed.problem(line, record.state == State::Unclosed
                                 ? fmt::format("the quote that opens column {} is not closed{}",
                                               record.column, m_multiline ? "" : " on its line")
                                 : fmt::format("text follows the closing quote of column {}", record.column));
    }

    void takeFields(const std::vector<std::string>& fields, std::int64_t line) {
        const std::size_t columns = m_header.size();
        bool fits = fields.size() >= columns;
        for (std::size_t i = columns; i < fields.size(); ++i)
            fits = fits && fields[i].empty();  // separators at the end of the line
        if (!fits)
            return m_feed.problem(
                line, fmt::format("{} columns, the header has {}{}", fields.size(), columns,
                                  fields.size() > columns
                                      ? fmt::format(": is a \"{}\" not quoted?",
                                                    m_separator == '\t' ? "tab" : std::string(1, m_separator))
                                      : ""));
        nlohmann::json row = nlohmann::json::object();
        for (std::size_t i = 0; i < columns; ++i)
            row[m_header[i]] = fields[i];
        if (!m_recognised) {
            if (const auto map = m_feed.mapper.recognise(row); !map) m_feed.refuse("line 1", map.error());
            m_recognised = true;
        }
        m_feed.accept(m_feed.mapper.row(row), line);
    }

    static std::string badText(std::string_view text) {
        if (const std::size_t bad = utf8::firstInvalid(text); bad != std::string_view::npos)
            return fmt::format("byte {} is not UTF-8", bad + 1);
        if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
            return fmt::format("byte {} is NUL", nul + 1);
        return {};
    }

    RowFeed& m_feed;
    InputWindow& m_in;
    bool m_tabs, m_multiline = true, m_recognised = false;
    char m_separator = ',';
    std::vector<std::string> m_header;
    int m_unclosed = 0;
};

}  // namespace

void readDelimited(RowFeed& feed, bool tabs) {
    TableReader(feed, tabs).run();
}

}  // namespace caravan::engine
