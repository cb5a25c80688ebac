// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/api/engine.h"

namespace caravan::engine {

// What could be tuned on a device: common sizes of models against a few settings, each with the bytes that
// the plan says. Nothing is measured here.
struct FitSetting {
    std::string key;   // "qlora", "pesc", "pesc_adam8", "pesc_bf16"
    std::string name;  // "PESC 8x2, NF4"
};
struct FitRow {
    std::string model;            // "Llama 2 7B"
    std::int64_t parameters = 0;  // dense
    std::vector<Bytes> needed;    // by setting
};
struct FitTable {
    std::string device;
    bool cuda = false;
    Bytes memory = 0, memoryFree = 0;  // of the device
    std::int64_t sequenceLength = 0;   // tokens of a row at most
    std::vector<FitSetting> settings;
    std::vector<FitRow> rows;  // by size
};

void to_json(nlohmann::json& out, const FitTable& table);
void from_json(const nlohmann::json& in, FitTable& table);

}  // namespace caravan::engine
