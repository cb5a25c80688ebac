// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace caravan::engine {

// One row to learn from, whatever form its file has.
struct DataTurn {
    std::string prompt, answer;
    friend bool operator==(const DataTurn&, const DataTurn&) = default;
};
struct DataRow {
    std::string system;           // PESC's "instruction"; empty = no system text
    std::vector<DataTurn> turns;  // at least one
    std::int64_t line = 0;        // from 1; in a JSON list the number of the row
    bool completion = false;      // plain text: turns[0].answer without any template
    friend bool operator==(const DataRow&, const DataRow&) = default;
};

}  // namespace caravan::engine
