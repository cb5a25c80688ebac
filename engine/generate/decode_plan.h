// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "engine/api/engine.h"
#include "engine/model/layer.h"
#include "engine/model/model.h"
#include "engine/ops/dispatch.h"

namespace caravan::engine::generate {

// What a decoding pass on the device depends on beside the model's weights.
struct DecodeRequest {
    model::KvCache* cache = nullptr;  // of the one sequence; null: of each place, as useCaches tells
    const moe::Steering* steering = nullptr;
    bool routing = true;         // note every layer's router step
    std::int64_t places = 1;     // sequences that a pass moves on; more than one only without `cache`
    std::int64_t positions = 0;  // without `cache`: of the longest sequence at its end
};

// One token of each of a few sequences through the model as a fixed list of launches on fixed buffers: three
// to six kernels a layer (kernels/decode_linear, split_attention, decode_experts), the head, and the choice
// of the next tokens (kernels/token_choice). Nothing in it depends on positions, so that a graph of it serves
// every token; with places, nothing depends on the caches either. Each sequence has the bits that it has
// alone.
class DecodePlan {
  public:
    // Whether the model's parts are those that the kernels know.
    [[nodiscard]] static bool supports(model::Model& model);
    DecodePlan(model::Model& model, const DecodeRequest& request);

    // Parts of a pass, for measuring them.
    enum Stage : unsigned { Linears = 1, Attention = 2, Experts = 4, Head = 8, Choice = 16, All = 31 };
    void launch(kernels::cuda::Stream stream, unsigned stages = All) const;
    // Of a place's notes per sparse layer: k experts (int32), k weights, E logits.
    [[nodiscard]] std::int64_t choices() const { return m_k; }
    [[nodiscard]] std::int64_t experts() const { return m_experts; }
    [[nodiscard]] std::int64_t noteCount() const { return m_routing ? m_notes.size(1) : 0; }
    // Everything that a captured graph has in it: another value asks for another capture.
    [[nodiscard]] static std::vector<std::int64_t> keyOf(model::Model& model, const DecodeRequest& request);
    // Where the choice writes: host memory of kRecordSlots records for each place and as many notes.
    void setRecords(kernels::TokenRecord* records, float* noted);
    // With places: whose cache each one reads and writes; null: none. All have room for what will come.
    void useCaches(std::span<model::KvCache* const> caches);
    // The routing of a token from its notes.
    void describe(const float* notes, TokenEvent& event) const;

    at::Tensor state, settings, seen;  // bytes on the device: TokenState, ChoiceSettings, [V], per place

  private:
    struct LayerPlan {
        kernels::DecodeLinear qkv;
        kernels::SplitAttention attention;
        kernels::DecodeChain chain;  // o, gate and up, down
        std::optional<kernels::DecodeExperts> experts;
    };
    // What a layer's chain passes on within itself: bytes, and the parts of them.
    struct Passed {
        at::Tensor whole, middle, activated, hidden;
    };
    void allocate(const DecodeRequest& request);
    // hidden: where LoRA's hidden values go; moved behind them
    [[nodiscard]] kernels::DecodeLinear linearOf(const model::AdaptedLinear& linear, const at::Tensor& input,
                                                 const at::Tensor& output, float*& hidden);
    [[nodiscard]] kernels::SplitAttention attentionOf(const model::Layer& layer, const DecodeRequest& request,
                                                      const ops::RopeTable& rope) const;
    [[nodiscard]] kernels::DecodeExperts expertsOf(const model::Layer& layer, const DecodeRequest& request);
    void addExchanges();
    void addLayer(const model::Layer& layer, const DecodeRequest& request, const ops::RopeTable& rope);
    void addEnds();

    model::Model& m_model;
    kernels::cuda::Element m_element;
    bool m_routing = false;
    std::int64_t m_places = 1, m_k = 0, m_experts = 0, m_splits = 1;
    at::Tensor m_x, m_qkv, m_attended, m_shared;                                                 // elements
    at::Tensor m_lora, m_routerLogits, m_hidden, m_notes, m_steer, m_partial, m_logits, m_mass;  // fp32
    at::Tensor m_counters, m_arrived;                                                            // int32
    at::Tensor m_exchange;           // fp32 [3, places, k, size]: the experts' kernels leave it full of ones
    at::Tensor m_caches;             // addresses [layers, keys and values, places], with places
    std::array<Passed, 3> m_passed;  // every bit is set but while a chain runs; used in turns
    bool m_chained = false;
    std::int64_t m_usedCounters = 0;
    std::vector<LayerPlan> m_layers;
    kernels::DecodeLinear m_head;
    kernels::TokenChoice m_choice;
};

}  // namespace caravan::engine::generate
