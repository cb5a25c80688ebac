// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>

#include "engine/model/layer.h"
#include "engine/moe/expert_body.h"
#include "engine/moe/router.h"

// Of a layer with experts, as the decoding kernels know it; null: another router or another body.
namespace caravan::engine::generate {

inline const moe::LinearRouter* routerOf(const model::Layer& layer) {
    return dynamic_cast<const moe::LinearRouter*>(layer.sparse->router.get());
}
inline const moe::SerialAdapters* adaptersOf(const model::Layer& layer) {
    return dynamic_cast<const moe::SerialAdapters*>(layer.sparse->body.get());
}
inline std::int64_t choicesOf(const model::Layer& layer, const moe::Steering* steering) {
    if (!steering || !steering->activeExperts) return layer.sparse->topK;
    return std::clamp<std::int64_t>(*steering->activeExperts, 1, layer.sparse->experts);
}

}  // namespace caravan::engine::generate
