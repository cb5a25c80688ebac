// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>

#include "engine/api/model_config.h"
#include "engine/api/result.h"
#include "engine/formats/weight_source.h"

namespace caravan::engine {

// What a training run of the released PESC code leaves in a checkpoint folder: moe_model.bin with the
// adapters and routers, and beside it, in adapter_model/, a PEFT LoRA whose base is the dense model. Such a
// folder is inspected as kind "reference_run": nothing computes with it before it is imported.
struct ReferenceRun {
    WeightSource experts;  // keys as routerKey() and adapterKey() give them
    MoeConfig moe;
    std::filesystem::path lora;  // PEFT folder; empty: there is none
};
[[nodiscard]] bool isReferenceRun(const std::filesystem::path& folder);
// Where its frozen weights lie: what its LoRA names. Throws MissingOption for --base unless there is such a
// folder.
[[nodiscard]] std::filesystem::path referenceBase(const std::filesystem::path& folder);

// Not written in such a folder: how many experts a token uses and what their output is multiplied with. The
// released script tunes with these.
struct ReferenceChoices {
    std::int64_t topK = 2;
    double scaling = 1.0;
};
// Opened and checked against the base: missing parts, wrong shapes and unknown tensors are named.
[[nodiscard]] Result<ReferenceRun> openReferenceRun(const std::filesystem::path& folder,
                                                    const ModelConfig& base, const ReferenceChoices& choices);

}  // namespace caravan::engine
