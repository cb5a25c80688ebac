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

// The mean of what is known of both.
void join(double& mean, double reading, double share) {
    if (mean < 0)
        mean = reading;
    else if (reading >= 0)
        mean += (reading - mean) * share;
}

// Of a line; unknown where it is not there or no number that can be.
double quantity(const nlohmann::json& line, const char* key) {
    const auto found = line.find(key);
    if (found == line.end() || !found->is_number()) return -1;
    const double value = found->get<double>();
    return value >= 0 && std::isfinite(value) ? value : -1;
}

}  // namespace

void addPower(std::vector<PowerSample>& samples, const PowerSample& sample) {
    while (!samples.empty() && samples.back().step > sample.step)
        samples.pop_back();
    if (samples.empty() || samples.back().step < sample.step) return samples.push_back(sample);
    PowerSample& same = samples.back();
    same.readings += sample.readings;
    const double share = static_cast<double>(sample.readings) / static_cast<double>(same.readings);
    join(same.watts, sample.watts, share);
    join(same.celsius, sample.celsius, share);
}

bool appendPower(const std::filesystem::path& runFolder, const PowerSample& sample) {
    std::ofstream out(runFolder / kFile, std::ios::app);
    nlohmann::json line = {{"step", sample.step}};
    if (sample.watts >= 0) line["watts"] = sample.watts;
    if (sample.celsius >= 0) line["celsius"] = sample.celsius;
    out << line.dump() + '\n';
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
        if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) continue;
        PowerSample sample{json["step"].get<engine::StepIndex>(), quantity(json, "watts")};
        sample.celsius = quantity(json, "celsius");
        if (sample.step >= 1 && sample.tells()) addPower(samples, sample);
    }
    return samples;
}

}  // namespace caravan::projects
