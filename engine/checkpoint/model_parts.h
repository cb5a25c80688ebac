// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/checkpoint/model_writer.h"
#include "engine/formats/model_folder.h"
#include "engine/model/model.h"

namespace caravan::engine::checkpoint {

// The tensors of a folder for a model in memory, in checkpoint order. source: the folder that its frozen
// weights came from, copied as they are stored; NF4 linears (written.quantizedNf4) and what was tuned come
// from the model; written decides keys and types. mergeLora: linears with LoRA become W + scale B A, rounded
// to the stored type. The parts keep references to both.
[[nodiscard]] std::vector<ModelPart> modelParts(const ModelFolder& source, model::Model& model,
                                                const ModelConfig& written, bool mergeLora);

}  // namespace caravan::engine::checkpoint
