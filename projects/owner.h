// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace caravan::projects {

// Who writes a run's rows. Pid, start time and boot together name a process for good: pids are used again.
struct Owner {
    std::string kind;  // "engine", "cli", "" = nobody
    std::int64_t pid = 0;
    std::int64_t startTime = 0;  // clock ticks since boot
    std::string bootId;
    friend bool operator==(const Owner&, const Owner&) = default;
};
[[nodiscard]] Owner thisProcess(std::string kind);
[[nodiscard]] bool isAlive(const Owner& owner);
void to_json(nlohmann::json& json, const Owner& owner);
void from_json(const nlohmann::json& json, Owner& owner);

[[nodiscard]] std::int64_t nowMilliseconds();  // since 1970 UTC

}  // namespace caravan::projects
