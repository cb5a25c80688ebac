// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/bench.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace caravan::engine {

const std::vector<BenchRow>& benchRows() {
    static const std::vector<BenchRow> rows{{"C1", "CPU tuning step of the demo model with experts"},
                                            {"C2", "CPU decoding of the demo model"}};
    return rows;
}

const BenchRow* findBenchRow(std::string_view id) {
    const auto same = [](char a, char b) {
        return std::toupper(static_cast<unsigned char>(a)) == std::toupper(static_cast<unsigned char>(b));
    };
    const auto& rows = benchRows();
    const auto found =
        std::ranges::find_if(rows, [&](const BenchRow& row) { return std::ranges::equal(row.id, id, same); });
    return found == rows.end() ? nullptr : &*found;
}

void to_json(nlohmann::json& out, const BenchFigure& f) {
    out = {{"type", "bench"},         {"row", f.row},         {"what", f.what},
           {"value", f.value},        {"lowest", f.lowest},   {"highest", f.highest},
           {"unit", f.unit},          {"share", nullptr},     {"ceiling", nullptr},
           {"ceiling_unit", nullptr}, {"ceiling_of", nullptr}};
    if (f.share >= 0) {
        out["share"] = f.share;
        out["ceiling"] = f.ceiling;
        out["ceiling_unit"] = f.ceilingUnit;
        out["ceiling_of"] = f.ceilingOf;
    }
}

}  // namespace caravan::engine
