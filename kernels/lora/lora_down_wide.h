// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/lora/lora.h"

// h = x A^T by Hopper's own instructions; loraDown() asks first.
namespace caravan::kernels::cuda::lora {

[[nodiscard]] bool downWideTakes(const void* x, const LoraSites& sites, std::int64_t tokens,
                                 std::int64_t columns);
int downWide(const void* x, const LoraSites& sites, void* h, std::int64_t tokens, std::int64_t columns,
             Stream stream);

}  // namespace caravan::kernels::cuda::lora
