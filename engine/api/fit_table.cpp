// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/fit_table.h"

namespace caravan::engine {
using nlohmann::json;

void to_json(json& out, const FitTable& table) {
    json settings = json::array(), rows = json::array();
    for (const FitSetting& setting : table.settings)
        settings.push_back({{"key", setting.key}, {"name", setting.name}});
    for (const FitRow& row : table.rows)
        rows.push_back({{"model", row.model}, {"parameters", row.parameters}, {"needed_bytes", row.needed}});
    out = {{"device", table.device},
           {"cuda", table.cuda},
           {"memory_bytes", table.memory},
           {"memory_free_bytes", table.memoryFree},
           {"sequence_length", table.sequenceLength},
           {"settings", std::move(settings)},
           {"models", std::move(rows)}};
}

void from_json(const json& in, FitTable& table) {
    table = {};
    in.at("device").get_to(table.device);
    in.at("cuda").get_to(table.cuda);
    in.at("memory_bytes").get_to(table.memory);
    in.at("memory_free_bytes").get_to(table.memoryFree);
    in.at("sequence_length").get_to(table.sequenceLength);
    for (const json& setting : in.at("settings"))
        table.settings.push_back(
            {setting.at("key").get<std::string>(), setting.at("name").get<std::string>()});
    for (const json& row : in.at("models")) {
        table.rows.push_back({row.at("model").get<std::string>(), row.at("parameters").get<std::int64_t>(),
                              row.at("needed_bytes").get<std::vector<Bytes>>()});
        if (table.rows.back().needed.size() != table.settings.size())
            throw json::other_error::create(501, "a row of another length", nullptr);
    }
}

}  // namespace caravan::engine
