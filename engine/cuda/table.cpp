// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cuda/table.h"

extern "C" __attribute__((visibility("default"))) const caravan::engine::cuda::Table* caravan_cuda_table(
    std::uint32_t version) {
    static const caravan::engine::cuda::Table table;
    return version == caravan::engine::cuda::kTableVersion ? &table : nullptr;
}
