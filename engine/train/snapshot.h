// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <deque>

#include "engine/checkpoint/checkpoint_store.h"
#include "engine/model/trainable.h"

namespace caravan::engine::train {

// Trainable values (and, for a run, AdamW's moments) as a checkpoint holds them, fp32 (values that are kept
// as bf16: bf16) under the parameters' keys; moments under "exp_avg.KEY" and "exp_avg_sq.KEY". 8-bit moments
// are one buffer over all parameters: "state1", "absmax1", "state2", "absmax2", in the order and with the
// padding of the flat values. The snapshot owns the host memory that its views show.
class Snapshot {
  public:
    Snapshot(model::Trainable& trainable, bool withOptimizer);
    [[nodiscard]] const std::vector<checkpoint::TensorView>& trainable() const { return m_trainable; }
    [[nodiscard]] const std::vector<checkpoint::TensorView>& optimizer() const { return m_optimizer; }
    [[nodiscard]] Bytes bytes() const;

  private:
    const at::Tensor& keep(at::Tensor host);
    void addMoments(model::Trainable& trainable);
    void addMoments8(model::Trainable& trainable);

    std::deque<at::Tensor> m_memory;
    std::vector<checkpoint::TensorView> m_trainable, m_optimizer;
};

// Puts a checkpoint's tensors back; values of the other width are rounded to the nearest or widened.
// CheckpointDamaged if they are not those of the model. optimizer: whose
// moments to read, or none.
void restore(model::Trainable& trainable, const checkpoint::LoadedCheckpoint& loaded,
             std::optional<OptimizerKind> optimizer);

}  // namespace caravan::engine::train
