// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <stop_token>

#include "engine/api/engine.h"
#include "engine/model/model.h"
#include "engine/tokenizer/chat_template.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine::checkpoint {

// What is exported: a model in memory and the folder that its frozen weights came from.
struct ExportSource {
    model::Model& model;
    std::filesystem::path baseFolder;
    const Tokenizer* tokenizer = nullptr;  // for a real text to compare on; may be null
    const ChatTemplate* chat = nullptr;    // how a tuned model is asked; null: as its base folder says
};
// Formats: camelidae, sparsetral (LoRA merged into the base; routers and adapters in the base's type), merged
// (a dense copy) and adapters (a PEFT folder). Written, read back, logits compared, and only then named.
// Throws BadOption for a format that would drop experts or that has nothing to write.
[[nodiscard]] ExportOutcome exportModel(const ExportSource& source, const ExportRequest& request,
                                        const ProgressFunction& progress, std::stop_token stop);

}  // namespace caravan::engine::checkpoint
