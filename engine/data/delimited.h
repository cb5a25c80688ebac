// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace caravan::engine {

// One record of a CSV or TSV text (RFC 4180: fields in double quotes may hold separators, line feeds and
// doubled quotes). A record ends at \n, \r\n or a lone \r.
struct DelimitedRecord {
    enum class State { Complete, Blank, NeedsMore, Unclosed, Malformed };
    State state = State::NeedsMore;
    std::vector<std::string> fields;
    std::size_t bytes = 0;   // with the end of the record
    std::size_t column = 0;  // from 1: where it is unclosed or malformed
};

// Reads the record at the begin of text. atEnd: nothing follows the text. multiline: quoted fields may hold
// line feeds. Unclosed: a quote is never closed (atEnd, or on its line); Malformed: text behind a closing
// quote. Both give bytes = the first line.
[[nodiscard]] DelimitedRecord readRecord(std::string_view text, char separator, bool atEnd, bool multiline);
// The line's fields with quotes as plain characters.
[[nodiscard]] std::vector<std::string> splitPlain(std::string_view line, char separator);
// The separator that a header line uses most, outside of quotes: comma, semicolon, tab or bar.
[[nodiscard]] char separatorOf(std::string_view header);

}  // namespace caravan::engine
