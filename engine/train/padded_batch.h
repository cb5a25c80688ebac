// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include "engine/model/tokens.h"
#include "engine/train/step_bucket.h"
#include "engine/train/token_batch.h"
#include "kernels/common/philox.h"

namespace caravan::engine::train {

// What a padded micro-batch reads, at fixed places of device memory: filled again for every one of its
// bucket.
class PaddedBatch {
  public:
    PaddedBatch(const StepBucket& bucket, at::Device device);

    // Copies without waiting.
    void fill(const TokenBatch& batch, const kernels::StepWords& words);

    [[nodiscard]] const model::Tokens& tokens() const { return m_tokens; }
    [[nodiscard]] const at::Tensor& domain() const { return m_domain; }  // [T] int32; 0 for padding
    [[nodiscard]] const at::Tensor& role() const { return m_role; }
    [[nodiscard]] const kernels::StepWords* words() const;

  private:
    struct Places {  // bytes from the buffer's begin
        std::int64_t cumulative, positions, domain, role, ids, end;
    };
    [[nodiscard]] static Places placesOf(const StepBucket& bucket);
    [[nodiscard]] at::Tensor part(std::int64_t begin, std::int64_t count, at::ScalarType type) const;

    StepBucket m_bucket;
    Places m_places;
    at::Tensor m_buffer;  // [bytes] on the device
    model::Tokens m_tokens;
    at::Tensor m_domain, m_role;
};

}  // namespace caravan::engine::train
