// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/generate/decode_graph.h"

namespace caravan::engine::generate {

// Continues several answers on the device at once: a CUDA graph moves all of them on by a token, two tokens
// ahead of the caller at most. There is a graph for 1, 2, 4, 8 and 16 places, captured when it is first
// needed; who sits where, and in which cache, is read from device memory, so that sequences come and go
// without another capture. An answer has the bits that DeviceDecoder gives it alone. Not thread-safe. Throws
// EngineException.
//
// One H200, 7B with experts and LoRA, NF4, context 512, tokens/s of 1, 2, 4, 8, 16 sequences. Predicted from
// the linears as they were, for 4, 8, 16: 480, 680, 800. With the linears of several rows 323, 475, 659, 856,
// 949; with each expert's rows read once and the head four rows at a time 323, 464, 783, 978, 1188. A step of
// 16 before that last change, each stage by itself: linears 8.9 ms, experts 5.0, attention 1.9, head 0.8.
class BatchDecoder {
  public:
    struct Options {
        const moe::Steering* steering = nullptr;
        bool routing = true;         // note every layer's router step
        std::int64_t positions = 0;  // of the longest sequence at its end
    };
    struct Token {
        SampledToken sampled;
        const float* notes = nullptr;  // of the pass that chose it; valid until next()
    };

    BatchDecoder(model::Model& model, const Options& options);
    ~BatchDecoder();
    BatchDecoder(const BatchDecoder&) = delete;
    BatchDecoder& operator=(const BatchDecoder&) = delete;

    // These sequences, 1 to kMostTogether, and no others. Nothing is under way: either nothing was launched,
    // or hold() and next() until underWay() is 0.
    void seat(std::span<const DeviceSequence> sequences);
    // The next token of each, in the order of seat(); none for one that has all its tokens. Blocks until it
    // is there.
    [[nodiscard]] std::vector<std::optional<Token>> next();
    void hold() { m_held = true; }  // launches no more: only what is under way comes
    [[nodiscard]] std::int64_t underWay() const { return m_launched - m_taken; }
    void describe(const Token& token, TokenEvent& event) const;

  private:
    struct Kind {
        std::vector<std::int64_t> key;
        std::unique_ptr<DecodeGraph> graph;
    };
    struct Seat {
        std::int64_t chosen, tokens;
    };
    [[nodiscard]] DecodeGraph& graphOf(std::int64_t sequences);
    void launchOne();

    model::Model& m_model;
    Options m_options;
    DecodeStream m_stream;
    std::array<Kind, 5> m_kinds;  // of 1 << i places
    DecodeGraph* m_graph = nullptr;
    std::vector<Seat> m_seats;
    bool m_held = false;
    std::int64_t m_launched = 0, m_taken = 0, m_wanted = 0;
};

}  // namespace caravan::engine::generate
