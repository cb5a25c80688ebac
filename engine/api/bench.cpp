// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/bench.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace caravan::engine {

const std::vector<BenchRow>& benchRows() {
    static const std::vector<BenchRow> rows{
        {"C1", "CPU tuning step of the demo model with experts", false},
        {"C2", "CPU decoding of the demo model", false},
        {"C3", "CPU decoding of the demo model with experts, 1, 4 and 16 sequences together", false},
        {"B1", "NF4 weights to bf16", true},
        {"B2", "NF4 weights times one row", true},
        {"B3", "adapters forward and backward, against a dense product of equal work", true},
        {"B12", "AdamW over 1.235 billion parameters", true},
        {"B4", "one layer of that step, forward and backward", true},
        {"B5", "tuning step, 7B with experts, NF4", true},
        {"B6", "tuning step, 7B dense, NF4", true},
        {"B9", "tuning step, 13B and 34B with experts, NF4, 8-bit AdamW", true},
        {"B13", "tuning step, 7B with experts, products of frozen weights in fp8", true},
        {"B14", "peak memory of 7B, 8-bit AdamW, everything recomputed, 1x2048", true},
        {"B10", "decoding, 7B with experts, NF4, context 512", true},
        {"B15", "decoding with every token's routes noted, against without", true},
        {"B11", "time to the first token of a prompt of 2,048, 7B", true}};
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
    out = {{"type", "bench"},         {"row", f.row},          {"what", f.what},
           {"value", f.value},        {"lowest", f.lowest},    {"highest", f.highest},
           {"unit", f.unit},          {"share", nullptr},      {"ceiling", nullptr},
           {"ceiling_unit", nullptr}, {"ceiling_of", nullptr}, {"peak_bytes", nullptr}};
    if (f.share >= 0) {
        out["share"] = f.share;
        out["ceiling"] = f.ceiling;
        out["ceiling_unit"] = f.ceilingUnit;
        out["ceiling_of"] = f.ceilingOf;
    }
    if (f.peakBytes > 0) out["peak_bytes"] = f.peakBytes;
}

}  // namespace caravan::engine
