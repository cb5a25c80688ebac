// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/split_attention/split_attention.h"

// The kernel with clusters behind splitAttention().
namespace caravan::kernels::cuda {

bool suitsClusters(Element element, const SplitAttention& attention);
int launchClusters(const SplitAttention& attention, Stream stream);

}  // namespace caravan::kernels::cuda
