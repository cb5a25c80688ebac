// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/generate/decode_plan.h"
#include "engine/generate/sampler.h"

namespace caravan::engine::generate {

// A sequence as the device begins with it. Its last token is chosen already and not in the cache yet.
struct DeviceSequence {
    model::KvCache* cache = nullptr;  // holds everything before the last token, has room for `tokens` more
    TokenId last = 0;
    std::int64_t chosen = 1;  // tokens of the answer so far
    SamplerOptions sampler;
    std::uint64_t seed = 0;
    std::span<const TokenId> seen;  // prompt and answer, for the repetition penalty
    std::int64_t tokens = 0;        // that may still be chosen
};

// What the decoders on a device share: a stream of their own, an event for each token under way, and host
// memory that kernels write to.
class DecodeStream {
  public:
    explicit DecodeStream(model::Model& model);
    ~DecodeStream();
    DecodeStream(const DecodeStream&) = delete;
    DecodeStream& operator=(const DecodeStream&) = delete;

    // What is launched from now on runs after what the model's own stream holds now.
    void follow();
    // A pass, and the mark that await(pass) waits for.
    void launch(void* graph, std::int64_t pass);
    void await(std::int64_t pass) const;
    void finish() noexcept;  // waits for everything
    [[nodiscard]] kernels::cuda::Stream get() const { return m_stream; }

  private:
    model::Model& m_model;
    kernels::cuda::Stream m_stream = nullptr;
    std::array<void*, kernels::kRecordSlots> m_events{};
};

// A plan, its graph and where it tells its tokens.
class DecodeGraph {
  public:
    DecodeGraph(model::Model& model, const DecodeRequest& request, const DecodeStream& stream);
    ~DecodeGraph();
    DecodeGraph(const DecodeGraph&) = delete;
    DecodeGraph& operator=(const DecodeGraph&) = delete;

    // On the model's own stream, while no pass is under way. Places without a sequence do nothing.
    void upload(std::span<const DeviceSequence> sequences);
    [[nodiscard]] void* get() const { return m_graph; }
    [[nodiscard]] const DecodePlan& plan() const { return m_plan; }
    // Of token `index` of the answer at a place; throws where another one stands there.
    [[nodiscard]] SampledToken token(std::int64_t place, std::int64_t index) const;
    [[nodiscard]] const float* notes(std::int64_t place, std::int64_t index) const;

  private:
    void capture(kernels::cuda::Stream stream);
    void release() noexcept;

    std::int64_t m_places;
    bool m_table;  // caches of a table
    DecodePlan m_plan;
    void *m_graph = nullptr, *m_records = nullptr, *m_noted = nullptr;
};

}  // namespace caravan::engine::generate
