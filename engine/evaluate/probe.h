// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <stop_token>

#include "engine/api/engine.h"
#include "engine/model/model.h"

namespace caravan::engine::evaluate {

// The command line's probe (cli.md): safetensors with input_ids [B, T] and maybe labels in, logits,
// router_logits, loss and gradients out, all fp32. No dropout, positions 0 .. T-1, every row on its own.
// Throws MissingOption without labels or anything trainable where gradients are wanted, FileBad for a wrong
// ids file.
void probe(model::Model& model, const ProbeRequest& request, std::stop_token stop);

}  // namespace caravan::engine::evaluate
