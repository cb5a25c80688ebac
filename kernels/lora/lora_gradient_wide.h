// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/lora/lora.h"

// The gradients by Hopper's own instructions; loraGradient() asks first.
namespace caravan::kernels::cuda::lora {

[[nodiscard]] bool wideTakes(const LoraGradient& gradient, const LoraSites& sites);
int wideGradient(const LoraGradient& gradient, const LoraSites& sites, Stream stream);

}  // namespace caravan::kernels::cuda::lora
