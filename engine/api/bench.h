// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/api/engine.h"

// What this machine computes, row by row, each figure beside a ceiling measured in the same run.
namespace caravan::engine {

struct BenchRow {
    std::string id;    // "C1", "B5"
    std::string what;  // one line
    bool gpu = false;  // needs a CUDA device
};
[[nodiscard]] const std::vector<BenchRow>& benchRows();
// The row of that name in any case; null: there is none.
[[nodiscard]] const BenchRow* findBenchRow(std::string_view id);

struct BenchFigure {
    std::string row, what;                      // "C1", "tuning step, 4x256"
    double value = 0, lowest = 0, highest = 0;  // median of the repeats, and their range
    std::string unit;                           // "tokens/s", "TB/s", "ms"
    double share = -1;                          // of the ceiling; < 0: it has none
    double ceiling = 0;
    std::string ceilingUnit, ceilingOf;  // "GFLOP/s", "fp32 product of 2048^3"
    Bytes peakBytes = 0;                 // of the device's memory; 0: not told
};
struct BenchRequest {
    std::vector<std::string> rows;  // ids of benchRows(); empty: all that the engine's device can run
    std::string model;              // folder of the small model that the CPU's rows use
};
using FigureFunction = std::function<void(const BenchFigure&)>;

// What an Engine may be beside: hosts ask with dynamic_cast and refuse the request where it is not.
class Measurer {
  public:
    virtual ~Measurer() = default;
    // Blocks, minutes; a figure is told as soon as it is there. Errors: NotFound for an unknown row,
    // Unsupported for a row of a GPU without one, Interrupted, those of reading the model.
    virtual Result<void> measure(const BenchRequest& request, const FigureFunction& figure,
                                 const ProgressFunction& progress, std::stop_token stop) = 0;
};

void to_json(nlohmann::json& out, const BenchFigure& figure);

}  // namespace caravan::engine
