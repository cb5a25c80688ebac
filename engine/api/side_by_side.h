// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <stop_token>
#include <vector>

#include "engine/api/engine.h"

namespace caravan::engine {

// What an Engine may be beside: models on the same rows. A run reads rows cut at the length that it was tuned
// with, and a folder at its model's own, so that each alone gives losses over other tokens.
class SideBySide {
  public:
    virtual ~SideBySide() = default;
    // As Engine::evaluate for each source in turn, every row cut at the shortest length that a run among them
    // was tuned with. One source alone is read as by Engine::evaluate.
    virtual Result<std::vector<EvaluateOutcome>> evaluateAlike(const std::vector<ModelSource>& sources,
                                                               const std::vector<DomainFile>& files,
                                                               const ProgressFunction& progress,
                                                               std::stop_token stop) = 0;
};

}  // namespace caravan::engine
