// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include "engine/model/model.h"

namespace caravan::engine::train {

// Positions that predict a trained token, and those tokens.
struct Targets {
    at::Tensor rows;    // [N] int64, indices into the micro-batch's tokens
    at::Tensor labels;  // [N] int64
};

// Cross entropy over the targets only; other positions never meet the head. panels: of the head, if kept.
struct AnswerLoss {
    at::Tensor sum;      // [] nats, not scaled
    at::Tensor perRow;   // [N]
    at::Tensor dHidden;  // [T, D] of scale * sum; undefined without gradient
};
[[nodiscard]] AnswerLoss answerLoss(const at::Tensor& hidden, const at::Tensor& head, const Targets& targets,
                                    double scale, bool withGradient,
                                    const ops::FrozenPanels* panels = nullptr);

}  // namespace caravan::engine::train
