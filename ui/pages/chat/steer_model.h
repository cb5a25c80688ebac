// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <cstdint>
#include <vector>

#include "engine/api/answer_score.h"

namespace caravan::ui {

// What the answering model has to be steered.
struct SteerModel {
    int experts = 0;  // 0: dense, nothing to steer
    int active = 0;   // k without a change
    std::vector<std::int64_t> layers;
    friend bool operator==(const SteerModel& a, const SteerModel& b) {
        return a.experts == b.experts && a.active == b.active && a.layers == b.layers;
    }
};

// Why these experts cannot work together ("" = they can): too many muted or forced for k.
[[nodiscard]] QString steerProblem(const engine::RouterChange& change, const SteerModel& model);

}  // namespace caravan::ui
