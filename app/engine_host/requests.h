// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>

#include "app/engine_host/host.h"
#include "app/engine_host/hosted_runs.h"

namespace caravan::host {

// What a request is answered with while it runs; may be called on any thread.
struct Replies {
    std::function<void(const engine::Progress&)> progress;
    std::function<void(const engine::TokenEvent&)> token;
};

// The requests of wire.h that compute or touch files: one function from a JSON body to a JSON body. Wrong
// bodies are errors, never exceptions. nullopt: no such request.
[[nodiscard]] bool isLongRequest(const std::string& type);
[[nodiscard]] engine::Result<nlohmann::json> answer(engine::Engine& engine, const HostServices& services,
                                                    HostedRuns& runs, const std::string& type,
                                                    const nlohmann::json& body, const Replies& replies,
                                                    std::stop_token stop);

// run.pause, run.continue, ...: these do not block.
[[nodiscard]] bool isRunControl(const std::string& type);
[[nodiscard]] engine::Result<nlohmann::json> controlRun(HostedRuns& runs, const std::string& type,
                                                        const nlohmann::json& body);

}  // namespace caravan::host
