// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/checkpoint/checkpoint_store.h"
#include "engine/model/trainable.h"

namespace caravan::engine::train {

// Trainable values (and, for a run, AdamW's moments) as a checkpoint holds them, fp32 under the parameters'
// keys; moments under "exp_avg.KEY" and "exp_avg_sq.KEY". The snapshot owns the host memory that its views
// show.
class Snapshot {
  public:
    Snapshot(model::Trainable& trainable, bool withOptimizer);
    [[nodiscard]] const std::vector<checkpoint::TensorView>& trainable() const { return m_trainable; }
    [[nodiscard]] const std::vector<checkpoint::TensorView>& optimizer() const { return m_optimizer; }
    [[nodiscard]] Bytes bytes() const;

  private:
    std::vector<at::Tensor> m_memory;
    std::vector<checkpoint::TensorView> m_trainable, m_optimizer;
};

// Puts a checkpoint's tensors back. CheckpointDamaged if they are not those of the model.
void restore(model::Trainable& trainable, const checkpoint::LoadedCheckpoint& loaded, bool withOptimizer);

}  // namespace caravan::engine::train
