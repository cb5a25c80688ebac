// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/column_names.h"

#include <algorithm>
#include <numeric>

#include "engine/data/row_mapper.h"

namespace caravan::engine {
namespace {

constexpr std::size_t kComparedLength = 64;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool sameName(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min(
                {row[j] + 1, row[j - 1] + 1, diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0u : 1u)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

}  // namespace

std::string columns::firstOf(std::span<const std::string_view> usual, const std::vector<std::string>& there) {
    for (const std::string_view name : usual)
        for (const std::string& candidate : there)
            if (sameName(name, candidate)) return candidate;
    return {};
}

std::string nearestColumn(std::string_view name, const std::vector<std::string>& names) {
    std::string best;
    if (name.size() > kComparedLength) return best;
    std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
    for (const std::string& candidate : names) {
        if (candidate.size() > kComparedLength) continue;
        const std::size_t d = distance(name, candidate);
        if (d < least) {
            least = d;
            best = candidate;
        }
    }
    return best;
}

}  // namespace caravan::engine
