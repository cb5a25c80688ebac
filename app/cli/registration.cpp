// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "app/cli/command.h"

namespace caravan::cli {
namespace {

std::vector<Registration::Entry>& table() {
    static std::vector<Registration::Entry> entries;
    return entries;
}

std::size_t editDistance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

}  // namespace

Registration::Registration(const char* name, const char* summary, int order, Define define) {
    auto& entries = table();
    const auto place = std::upper_bound(entries.begin(), entries.end(), order,
                                        [](int o, const Entry& e) { return o < e.order; });
    entries.insert(place, {name, summary, order, std::move(define)});
}

const std::vector<Registration::Entry>& Registration::entries() {
    return table();
}

std::string nearestOf(std::string_view word, const std::vector<std::string>& candidates) {
    std::string best;
    std::size_t least = std::max<std::size_t>(2, word.size() / 2) + 1;
    for (const auto& candidate : candidates) {
        const std::size_t distance = editDistance(word, candidate);
        if (distance >= least) continue;
        least = distance;
        best = candidate;
    }
    return best;
}

}  // namespace caravan::cli
