// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/api/model_config.h"

namespace caravan::engine {

[[nodiscard]] std::int64_t bytesOf(DType type);         // per element
[[nodiscard]] const char* safetensorsName(DType type);  // "BF16"
[[nodiscard]] const char* torchName(DType type);        // "bfloat16", as in config.json
[[nodiscard]] std::optional<DType> dtypeFromSafetensors(std::string_view name);
[[nodiscard]] std::optional<DType> dtypeFromTorch(std::string_view name);  // "bfloat16" and "torch.bfloat16"

}  // namespace caravan::engine
