// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/data/run_changes.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace caravan::engine {
namespace {
constexpr std::size_t kMostBytes = 16u << 20;  // as much as a resume reads of it
}

std::optional<std::int64_t> microBatchTokensTold(const std::filesystem::path& runFolder, StepIndex step) {
    std::ifstream in(runFolder / "changes.jsonl");
    std::optional<std::int64_t> told;
    std::size_t bytes = 0;
    for (std::string line; bytes < kMostBytes && std::getline(in, line); bytes += line.size() + 1) {
        const auto change = nlohmann::json::parse(line, nullptr, false);
        if (!change.is_object() || change.value("key", nlohmann::json()) != "tune.micro_batch_tokens")
            continue;  // of another setting, or a torn line: that change never took place
        const auto from = change.value("step", nlohmann::json()), to = change.value("to", nlohmann::json());
        if (!from.is_number_integer() || !to.is_number() || from.get<StepIndex>() > step) continue;
        if (const double tokens = to.get<double>(); tokens >= 1 && tokens < 1e15) told = std::llround(tokens);
    }
    return told;
}

}  // namespace caravan::engine
