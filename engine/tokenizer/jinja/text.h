// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine::jinja {

// A string (UTF-8) that knows which of its bytes a person wrote, so that names of special tokens in them stay
// plain text.
class Text {
  public:
    Text() = default;
    explicit Text(std::string bytes) : m_bytes(std::move(bytes)) {}
    static Text written(std::string bytes);  // by a person, all of it

    [[nodiscard]] const std::string& bytes() const { return m_bytes; }
    [[nodiscard]] const std::vector<TextRange>& ranges() const {
        return m_ranges;
    }  // ascending, not touching
    [[nodiscard]] bool anyWritten() const { return !m_ranges.empty(); }
    void append(const Text& other);
    void append(std::string_view templateText) { m_bytes += templateText; }
    [[nodiscard]] Text part(std::size_t begin, std::size_t end) const;  // of bytes
    // other bytes made from this text: written if any of this was.
    [[nodiscard]] Text changed(std::string bytes) const;

  private:
    std::string m_bytes;
    std::vector<TextRange> m_ranges;
};

}  // namespace caravan::engine::jinja
