// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/padded_batch.h"

#include <ATen/Functions.h>

#include <cstring>

namespace caravan::engine::train {
namespace {

constexpr std::int64_t kAligned = 64;
static_assert(sizeof(kernels::StepWords) <= kAligned);

// Takes bytes from at on; returns where they begin.
std::int64_t take(std::int64_t& at, std::int64_t bytes) {
    const std::int64_t begin = at;
    at += (bytes + kAligned - 1) / kAligned * kAligned;
    return begin;
}

}  // namespace

PaddedBatch::Places PaddedBatch::placesOf(const StepBucket& bucket) {
    std::int64_t at = kAligned;  // behind the words
    Places places{};
    places.cumulative = take(at, (bucket.rows + 1) * 4);
    places.positions = take(at, bucket.tokens * 4);
    places.domain = take(at, bucket.tokens * 4);
    places.role = take(at, bucket.tokens * 4);
    places.ids = take(at, bucket.tokens * 8);
    places.end = at;
    return places;
}

at::Tensor PaddedBatch::part(std::int64_t begin, std::int64_t count, at::ScalarType type) const {
    const auto size = static_cast<std::int64_t>(c10::elementSize(type));
    return m_buffer.narrow(0, begin, count * size).view(type);
}

PaddedBatch::PaddedBatch(const StepBucket& bucket, at::Device device)
    : m_bucket(bucket), m_places(placesOf(bucket)) {
    m_buffer = at::zeros({m_places.end}, at::TensorOptions().device(device).dtype(at::kByte));
    m_tokens.ids = part(m_places.ids, bucket.tokens, at::kLong);
    m_tokens.positions = part(m_places.positions, bucket.tokens, at::kInt);
    m_tokens.segments.cumulative = part(m_places.cumulative, bucket.rows + 1, at::kInt);
    // On a GPU attention reads the host's copy only where all rows are of one length.
    m_tokens.segments.longest = bucket.longest;
    for (std::int64_t row = 0; row <= bucket.rows; ++row)
        m_tokens.segments.offsets.push_back(bucket.even ? row * bucket.longest
                                                        : bucket.tokens * row / bucket.rows);
    m_domain = part(m_places.domain, bucket.tokens, at::kInt);
    m_role = part(m_places.role, bucket.tokens, at::kInt);
}

const kernels::StepWords* PaddedBatch::words() const {
    return static_cast<const kernels::StepWords*>(m_buffer.data_ptr());
}

void PaddedBatch::fill(const TokenBatch& batch, const kernels::StepWords& words) {
    // Pinned memory goes back to its allocator, which waits for the copy before it gives it out again.
    const at::Tensor staging =
        at::empty({m_places.end}, at::TensorOptions().dtype(at::kByte).pinned_memory(true));
    auto* bytes = static_cast<std::byte*>(staging.data_ptr());
    std::memset(bytes, 0, static_cast<std::size_t>(m_places.end));
    std::memcpy(bytes, &words, sizeof words);
    const auto copy = [&](std::int64_t begin, const at::Tensor& values) {
        std::memcpy(bytes + begin, values.const_data_ptr(), values.nbytes());
    };
    copy(m_places.cumulative, batch.tokens.segments.cumulative);
    copy(m_places.positions, batch.tokens.positions);
    copy(m_places.domain, batch.domain);
    copy(m_places.role, batch.role);
    copy(m_places.ids, batch.tokens.ids);
    const std::int64_t rows = batch.tokens.segments.cumulative.numel() - 1;
    auto* end = reinterpret_cast<std::int32_t*>(bytes + m_places.cumulative) + rows;
    auto* positions = reinterpret_cast<std::int32_t*>(bytes + m_places.positions) + batch.count();
    for (const std::int64_t length : paddingRows(m_bucket, rows, batch.count())) {
        end[1] = end[0] + static_cast<std::int32_t>(length);
        ++end;
        for (std::int64_t i = 0; i < length; ++i)
            *positions++ = static_cast<std::int32_t>(i);
    }
    m_buffer.copy_(staging, /*non_blocking=*/true);
}

}  // namespace caravan::engine::train
