// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/power_file.h"

#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

namespace caravan::projects {
namespace {

constexpr const char* kFile = "power.jsonl";
constexpr std::size_t kMostSamples = 4'000'000;  // steps
constexpr std::size_t kLongestLine = 200;
constexpr std::uintmax_t kMostBytes = std::uintmax_t{256} << 20;  // months of readings

}  // namespace

void addPower(std::vector<PowerSample>& samples, const PowerSample& sample) {
    while (!samples.empty() && samples.back().step > sample.step)
        samples.pop_back();
    if (samples.empty() || samples.back().step < sample.step) return samples.push_back(sample);
    PowerSample& same = samples.back();
    same.readings += sample.readings;
    same.watts += (sample.watts - same.watts) * static_cast<double>(sample.readings) /
                  static_cast<double>(same.readings);
}

bool appendPower(const std::filesystem::path& runFolder, const PowerSample& sample) {
    std::ofstream out(runFolder / kFile, std::ios::app);
    out << nlohmann::json{{"step", sample.step}, {"watts", sample.watts}}.dump() + '\n';
    out.close();
    return out.good();
}

std::vector<PowerSample> readPower(const std::filesystem::path& runFolder) {
    std::vector<PowerSample> samples;
    std::error_code missing;
    const auto bytes = std::filesystem::file_size(runFolder / kFile, missing);
    if (missing || bytes > kMostBytes) return samples;
    std::ifstream in(runFolder / kFile);
    std::array<char, kLongestLine + 1> line{};
    while (samples.size() < kMostSamples && !in.eof()) {
        in.getline(line.data(), line.size());
        if (in.fail()) {  // too long: passed over without being held in memory
            if (in.eof()) break;
            in.clear();
            in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
            continue;
        }
        const auto json = nlohmann::json::parse(line.data(), nullptr, false);
        if (!json.is_object() || !json.contains("step") || !json.contains("watts") ||
            !json["step"].is_number_integer() || !json["watts"].is_number())
            continue;
        const PowerSample sample{json["step"].get<engine::StepIndex>(), json["watts"].get<double>()};
        if (sample.step >= 1 && sample.watts >= 0 && std::isfinite(sample.watts)) addPower(samples, sample);
    }
    return samples;
}

}  // namespace caravan::projects
