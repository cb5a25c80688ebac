// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/data/json_elements.h"
#include "engine/data/row_feed.h"

namespace caravan::engine {
namespace {

// After so many rows that never close, each row must close on its own line: searching for their ends would
// read the rest of the file again and again.
constexpr int kMaxUnclosed = 8;

// The values of one list, or values behind each other, one at a time.
class ValueReader {
  public:
    explicit ValueReader(RowFeed& feed) : m_feed(feed), m_in(feed.in) {}

    void run() {
        m_list = skipSpace(false) && m_in.view().front() == '[';
        m_feed.facts.countsRows = m_list;
        if (m_list) m_in.consume(1);
        while (skipSpace(true)) {
            m_feed.check();
            const char first = m_in.view().front();
            if (first == ']' && m_list) return endOfList();
            ++m_row;
            if (first == ']' || first == '}') {
                m_feed.problem(place(), fmt::format("a \"{}\" that closes nothing", first));
                m_in.consume(1);
            } else {
                element();
            }
        }
        if (m_list && m_unclosed == 0)
            m_feed.problem(m_row + 1, "the list is not closed: is the file cut off?");
    }

  private:
    [[nodiscard]] std::int64_t place() const { return m_list ? m_row : m_in.line(); }

    // To the next byte that is no white space (and no comma); false at the end of the file.
    bool skipSpace(bool commas) {
        for (;;) {
            const std::string_view held = m_in.view();
            const std::size_t found = held.find_first_not_of(commas ? ", \t\r\n" : " \t\r\n");
            m_in.consume(std::min(found, held.size()));
            if (found != std::string_view::npos) return true;
            if (!m_in.more()) return false;
        }
    }

    void element() {
        if (m_unclosed > kMaxUnclosed) return elementOnLine();
        ElementScanner scanner;
        for (;;) {
            const std::size_t bytes = scanner.next(m_in.view());
            if (bytes != std::string_view::npos) return take(bytes);
            if (m_in.view().size() > kMaxRowBytes) return skipLong();
            if (!m_in.more()) return unclosed();
        }
    }

    void elementOnLine() {
        while (m_in.view().find('\n') == std::string_view::npos && m_in.view().size() <= kMaxRowBytes)
            if (!m_in.more()) break;
        const std::string_view held = m_in.view();
        const std::size_t bytes = ElementScanner().next(held.substr(0, held.find('\n')));
        bytes != std::string_view::npos ? take(bytes) : unclosed();
    }

    void take(std::size_t bytes) {
        const std::int64_t line = place();
        if (bytes > kMaxRowBytes)
            m_feed.problem(line, "it is longer than 8 MiB");
        else
            m_feed.accept(m_feed.mapper.parse(m_in.view().substr(0, bytes)), line);
        m_in.consume(std::max<std::size_t>(bytes, 1));
    }

    // Lets the row pass without keeping it.
    void skipLong() {
        const std::int64_t line = place();
        ElementScanner scanner;
        for (;;) {
            const std::size_t bytes = scanner.next(m_in.view());
            if (bytes != std::string_view::npos) {
                m_feed.problem(line, "it is longer than 8 MiB");
                return m_in.consume(bytes);
            }
            m_in.consume(m_in.view().size());
            scanner.rebase();
            if (!m_in.more()) break;
            m_feed.check();
        }
        ++m_unclosed;
        m_feed.problem(line, "it is not closed, or far longer than 8 MiB; nothing behind it was read");
    }

    // The row runs to the end of the file: go on at the next line that begins an object.
    void unclosed() {
        ++m_unclosed;
        m_feed.problem(place(), "it is not closed: a bracket or quote is missing, or the file is cut off");
        do {
            m_in.skipLine();
            if (!skipSpace(true)) return;
            m_feed.check();
        } while (m_in.view().front() != '{' && m_in.view().front() != ']');
    }

    void endOfList() {
        m_in.consume(1);
        if (skipSpace(false))
            m_feed.problem(m_row + 1, fmt::format("something follows the end of the list, on line {}; it was "
                                                  "not read",
                                                  m_in.line()));
    }

    RowFeed& m_feed;
    InputWindow& m_in;
    bool m_list = false;
    std::int64_t m_row = 0;
    int m_unclosed = 0;
};

}  // namespace

void readJsonValues(RowFeed& feed) {
    ValueReader(feed).run();
}

}  // namespace caravan::engine
