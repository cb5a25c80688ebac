// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string_view>

namespace caravan::engine {

// Finds where one JSON value ends without reading it: brackets and strings are followed, nothing else is
// checked. A line feed inside a string is not JSON: it ends the string, so that one bad row does not swallow
// the next. Resumable: next() may be called again with a longer text that begins the same.
class ElementScanner {
  public:
    // text begins with the value's first byte. The bytes of the value, or npos: more is needed.
    [[nodiscard]] std::size_t next(std::string_view text);
    // The text seen so far is gone: the next one goes on behind it.
    void rebase() { m_at = 0; }

  private:
    std::size_t m_at = 0;
    int m_depth = 0;
    bool m_string = false, m_escape = false;
};

}  // namespace caravan::engine
