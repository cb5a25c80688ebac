// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/support.h"

#include <ATen/core/Formatting.h>

#include <cmath>
#include <sstream>

#include "engine/ops/live_step.h"

namespace caravan::engine::ops {

void failShape(const char* operation, const char* expected, const at::Tensor& got) {
    std::ostringstream text;
    text << "operation " << operation << " needs " << expected << ", got ";
    if (got.defined())
        text << got.sizes() << " of " << got.scalar_type() << " with strides " << got.strides();
    else
        text << "no tensor";
    throw EngineException(ErrorCode::Internal, {{"detail", text.str()}});
}

void failType(const char* operation, const at::Tensor& got) {
    std::ostringstream text;
    text << "operation " << operation << " computes in fp32 on the CPU, fp32 or bf16 on CUDA, got "
         << got.scalar_type() << " on " << got.device();
    throw EngineException(ErrorCode::Internal, {{"detail", text.str()}});
}

kernels::PhiloxKey philoxKey(const RandomKey& key) {
    return kernels::philoxKey(key.seed, static_cast<std::uint32_t>(key.purpose),
                              static_cast<std::uint64_t>(key.step), static_cast<std::uint32_t>(key.layer),
                              static_cast<std::uint32_t>(key.site));
}

kernels::DropoutMask dropoutMask(double p, const RandomKey& key) {
    kernels::DropoutMask mask;
    mask.key = philoxKey(key);
    mask.threshold = static_cast<std::uint32_t>(std::lround(p * 65536));
    mask.scale = static_cast<float>(1 / (1 - p));
    mask.rowOffset = key.rowOffset;
    mask.live = liveStep();
    return mask;
}

}  // namespace caravan::engine::ops
