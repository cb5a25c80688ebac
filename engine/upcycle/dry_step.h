// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <stop_token>

#include "engine/api/engine.h"

#include <ATen/core/Tensor.h>

namespace caravan::engine::upcycle {

// One optimizer step on the micro-batch of the longest rows, measured the second time; everything is dropped
// afterwards.
[[nodiscard]] DryStep dryStep(const Recipe& recipe, const std::filesystem::path& recipeFolder,
                              at::Device device, const ProgressFunction& progress, std::stop_token stop);

}  // namespace caravan::engine::upcycle
