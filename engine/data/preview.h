// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <stop_token>

#include "engine/api/config/recipe.h"
#include "engine/api/data_preview.h"
#include "engine/api/engine.h"
#include "engine/api/result.h"
#include "engine/api/step_batch.h"
#include "engine/plan/plan.h"

namespace caravan::engine {

// What tuning on such a device would do with the recipe's files: reads and encodes them all. folder: what
// relative paths are relative to; modelPath: folder with the tokenizer and config.json, or a PEFT folder. A
// file that cannot be used is told in its report. Blocks; stop ends it with Interrupted.
[[nodiscard]] Result<DataPreview> previewData(const Recipe& recipe, const std::filesystem::path& folder,
                                              const std::filesystem::path& modelPath, DeviceKind device,
                                              const ProgressFunction& progress = {},
                                              std::stop_token stop = {});

// The batch of a step from 1 to the recipe's last one, as tuning draws it on such a device. A file that
// cannot be used is an error here. Blocks as previewData().
[[nodiscard]] Result<StepBatch> stepBatch(const Recipe& recipe, const std::filesystem::path& folder,
                                          const std::filesystem::path& modelPath, DeviceKind device,
                                          StepIndex step, const ProgressFunction& progress = {},
                                          std::stop_token stop = {});

}  // namespace caravan::engine
