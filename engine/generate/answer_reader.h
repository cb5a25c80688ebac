// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <stop_token>

#include "engine/api/answer_score.h"
#include "engine/model/model.h"

namespace caravan::engine::generate {

// Reads prompt and answer in one pass per change and tells how probable each token of the answer was. dense:
// by the base alone, without experts and LoRA. Throws EngineException: BadOption for ids or changes that the
// model does not have, Interrupted.
[[nodiscard]] AnswerScore readAnswer(model::Model& model, std::span<const std::int32_t> prompt,
                                     const ScoreRequest& request, const ProgressFunction& progress,
                                     const std::stop_token& stop, bool dense = false);

}  // namespace caravan::engine::generate
