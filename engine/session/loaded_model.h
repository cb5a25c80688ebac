// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/generate/generator.h"
#include "engine/session/model_source.h"
#include "engine/tokenizer/chat_template.h"

namespace caravan::engine {

// The model that chat, evaluation and export use: one at a time, kept until another one is asked for.
struct LoadedModel {
    std::string key;
    SourcePlan plan;
    OpenedModel opened;
    std::unique_ptr<generate::Generator> generator;
};

// The plan is of the dense model that the loaded one was made of, in the same types.
[[nodiscard]] bool isBaseOf(const LoadedModel& loaded, const SourcePlan& plan);
// The plan is of another checkpoint of the loaded run.
[[nodiscard]] bool isSiblingOf(const LoadedModel& loaded, const SourcePlan& plan);
// How a loaded model is asked; its base alone as a folder without a run.
[[nodiscard]] ChatTemplate formOf(const LoadedModel& loaded, bool dense);

}  // namespace caravan::engine
