// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/jinja/text.h"

#include <algorithm>

namespace caravan::engine::jinja {

Text Text::written(std::string bytes) {
    Text text(std::move(bytes));
    if (!text.m_bytes.empty()) text.m_ranges = {{0, text.m_bytes.size()}};
    return text;
}

void Text::append(const Text& other) {
    const std::size_t offset = m_bytes.size();
    for (const TextRange& range : std::vector<TextRange>(other.m_ranges)) {  // a copy: other may be this text
        if (!m_ranges.empty() && m_ranges.back().end == range.begin + offset)
            m_ranges.back().end = range.end + offset;
        else
            m_ranges.push_back({range.begin + offset, range.end + offset});
    }
    m_bytes += other.m_bytes;
}

Text Text::part(std::size_t begin, std::size_t end) const {
    Text text(m_bytes.substr(begin, end - begin));
    for (const TextRange& range : m_ranges) {
        const std::size_t from = std::max(range.begin, begin), to = std::min(range.end, end);
        if (from < to) text.m_ranges.push_back({from - begin, to - begin});
    }
    return text;
}

Text Text::changed(std::string bytes) const {
    return anyWritten() ? written(std::move(bytes)) : Text(std::move(bytes));
}

}  // namespace caravan::engine::jinja
