// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/ops/ops.h"
#include "kernels/common/philox.h"

// Operations of a step whose shape is padded, on a GPU: what changes from step to step is read from device
// memory, so that a graph of them serves every step of that shape.
namespace caravan::engine::ops {

// While one lives, this thread's dropout masks take step and row offset from the words instead of their key,
// and the router's backward and statistics leave the rows behind words->tokens out.
class LiveStep {
  public:
    explicit LiveStep(const kernels::StepWords* words);  // on the device; outlives the launches
    ~LiveStep();
    LiveStep(const LiveStep&) = delete;
    LiveStep& operator=(const LiveStep&) = delete;
};
[[nodiscard]] const kernels::StepWords* liveStep();  // null: none

// counts [E] += choices, share [E] = counts / words->counted, value [] += what the balance term adds; within
// a LiveStep only.
struct BalanceSums {
    at::Tensor counts, share, value;
};
void observeBalance(const Routing& routing, BalanceSums& sums);

}  // namespace caravan::engine::ops
