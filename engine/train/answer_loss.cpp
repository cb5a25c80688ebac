// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/answer_loss.h"

#include <ATen/Functions.h>

namespace caravan::engine::train {

AnswerLoss answerLoss(const at::Tensor& hidden, const at::Tensor& head, const Targets& targets, double scale,
                      bool withGradient, const ops::FrozenPanels* panels) {
    const at::Tensor chosen = hidden.index_select(0, targets.rows);
    ops::CrossEntropy entropy = ops::crossEntropy(chosen, head, targets.labels, scale, withGradient, panels);
    AnswerLoss loss{.sum = entropy.lossSum, .perRow = entropy.perRow, .dHidden = {}};
    if (withGradient) {
        loss.dHidden = at::zeros_like(hidden);
        loss.dHidden.index_copy_(0, targets.rows, entropy.dHidden.to(hidden.scalar_type()));
    }
    return loss;
}

}  // namespace caravan::engine::train
