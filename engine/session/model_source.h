// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "engine/api/engine.h"
#include "engine/formats/reference_run.h"
#include "engine/model/model.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine {

// A model argument, taken apart (cli.md, habits): what has to be read, without reading weights.
struct SourcePlan {
    std::filesystem::path folder;                     // model folder, PEFT folder, or run folder
    std::optional<std::filesystem::path> checkpoint;  // of a run, verified
    std::optional<Recipe> recipe;                     // of a run
    std::optional<std::string> base;
    Quantization quantization = Quantization::None;
    Compute compute = Compute::Auto;
    ReferenceChoices reference;
    [[nodiscard]] std::string key() const;  // equal keys = equal weights
};
// Throws NotFound, FileMissing, CheckpointDamaged. A run without a checkpoint gives NotFound.
[[nodiscard]] SourcePlan planSource(const ModelSource& source);

struct OpenedModel {
    std::unique_ptr<model::Model> model;
    std::unique_ptr<Tokenizer> tokenizer;  // null: the folder has none
    std::filesystem::path baseFolder;      // where the frozen weights came from
    std::filesystem::path tokenizerFolder;
    std::optional<Recipe> recipe;
    [[nodiscard]] const Tokenizer& text() const;  // throws FileMissing without a tokenizer
};
[[nodiscard]] OpenedModel openSource(const SourcePlan& plan, at::Device device,
                                     const ProgressFunction& progress, std::stop_token stop);

}  // namespace caravan::engine
