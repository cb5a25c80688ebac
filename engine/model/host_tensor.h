// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "engine/api/model_config.h"
#include "engine/formats/model_files.h"
#include "engine/formats/weight_source.h"

namespace caravan::engine::model {

[[nodiscard]] at::ScalarType scalarType(DType type);
// A tensor over the mapped file: read only, valid while the files are open. Throws FileBad if the key is not
// there.
[[nodiscard]] at::Tensor mappedTensor(const ModelFiles& files, const std::string& key);
[[nodiscard]] at::Tensor mappedTensor(const WeightSource& weights, const std::string& key);

}  // namespace caravan::engine::model
