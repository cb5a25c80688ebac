// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/command.h"

namespace caravan::cli {

// --base, --quantization, --compute of the commands that read one model or several.
struct ModelOptions {
    std::string base, quantization = "none", compute;
    void define(CLI::App& app, const std::string& defaultCompute = "auto");
    [[nodiscard]] engine::Result<engine::ModelSource> source(const std::string& model) const;
};

}  // namespace caravan::cli
