// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/text_tools.h"

#include <algorithm>

namespace caravan::engine {

std::string replaceAll(std::string_view text, std::string_view from, std::string_view to) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t done = 0;;) {
        const std::size_t at = from.empty() ? std::string_view::npos : text.find(from, done);
        out.append(text.substr(done, at == std::string_view::npos ? at : at - done));
        if (at == std::string_view::npos) return out;
        out.append(to);
        done = at + from.size();
    }
}

std::string groupedDigits(std::size_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3; at -= 3)
        text.insert(at - 3, ",");
    return text;
}

bool touchesAny(std::span<const TextRange> ranges, std::size_t begin, std::size_t end) {
    const auto first =
        std::upper_bound(ranges.begin(), ranges.end(), begin,
                         [](std::size_t position, const TextRange& range) { return position < range.end; });
    return first != ranges.end() && first->begin < end;
}

}  // namespace caravan::engine
