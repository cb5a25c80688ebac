// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <chrono>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/bench.h"

namespace caravan::engine::bench {

using Clock = std::chrono::steady_clock;
[[nodiscard]] inline double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Spread {
    double median = 0, shortest = 0, longest = 0;  // seconds
};
[[nodiscard]] inline Spread spreadOf(std::vector<double> times) {
    std::sort(times.begin(), times.end());
    return {times[times.size() / 2], times.front(), times.back()};
}

// Where a row's figures go, and who may end it.
struct Sheet {
    const FigureFunction& figure;
    const ProgressFunction& progress;
    std::stop_token stop;
    std::string model;  // folder of the small model

    // Before each repeat: tells how far it is, or throws Interrupted.
    void at(const std::string& stage, std::int64_t done, std::int64_t total) const {
        if (stop.stop_requested())
            throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
        if (progress) progress({stage, done, total});
    }
    // amount (tokens, bytes x 1e-12) per second of the spread
    [[nodiscard]] static BenchFigure rate(std::string row, std::string what, double amount, std::string unit,
                                          const Spread& seconds) {
        return {.row = std::move(row),
                .what = std::move(what),
                .value = amount / seconds.median,
                .lowest = amount / seconds.longest,
                .highest = amount / seconds.shortest,
                .unit = std::move(unit)};
    }
};

// The rows. Those of a GPU need ops::openCuda().table.
void cpuStep(const Sheet& sheet);                                          // C1
void cpuDecode(const Sheet& sheet);                                        // C2
void cpuDecodeTogether(const Sheet& sheet);                                // C3
void gpuOperations(const Sheet& sheet, const std::string& row);            // B1, B2, B3, B12
void gpuSteps(const Sheet& sheet, const std::string& row);                 // B4, B5, B6, B9, B13, B14
void gpuDecode(const Sheet& sheet, const std::vector<std::string>& rows);  // B10, B11, B15 of one model

// What Measurer::measure does.
void run(const BenchRequest& request, const FigureFunction& figure, const ProgressFunction& progress,
         std::stop_token stop, bool cuda, const std::string& note);

}  // namespace caravan::engine::bench
