// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/model/gradient_stage.h"
#include "engine/ops/ops.h"

namespace caravan::engine::model {

enum class ParameterGroup { Lora, Adapter, Router };

// One trainable tensor under its checkpoint key, e.g. "model.layers.0.mlp.moe_adapter.router.weight" or
// "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" (LoRA keys as PEFT writes them).
struct Parameter {
    std::string key;
    ParameterGroup group = ParameterGroup::Lora;
    std::vector<std::int64_t> shape;
    std::int64_t offset = 0;  // elements, in every flat buffer
    [[nodiscard]] std::int64_t elements() const;
};

// A tensor as layers use it: one parameter, or several behind each other (adapters: [E, r, D] = E keys).
using BlockId = std::size_t;

// Everything that is tuned, in flat buffers with named views: master values (fp32), the same in the compute
// type, gradients (fp32) and AdamW's two moments (fp32, or 8 bits a value with a scale per 256). One
// optimizer launch, one gradient norm, one checkpoint write. Kept as bf16 values have no masters: they are
// what a bf16 model computes with, and gradients are bf16 too, added up layer by layer in fp32. Views die at
// the next allocate() or keepAs(); ask anew. Not thread-safe.
class Trainable {
  public:
    explicit Trainable(at::Device device = at::kCPU, at::ScalarType compute = at::kFloat);

    // Adds a block: values on the host, fp32, of the block's shape; keys.size() divides shape[0] or is 1.
    // allocate() makes it real.
    BlockId add(ParameterGroup group, std::vector<std::string> keys, const at::Tensor& values);
    // (Re)builds the value buffers with all blocks so far; earlier values are kept, gradients and moments
    // dropped.
    void allocate();
    // How values and gradients are kept; before allocate() nothing ever lies in fp32. What is there already
    // is rounded to the nearest (to bf16) or widened; gradients and moments are dropped. Of no effect in
    // fp64.
    void keepAs(TrainedValues trained);
    [[nodiscard]] TrainedValues keptAs() const { return m_kept; }
    // Gradients and moments, zero. Idempotent; no reallocation when they are there, of whatever kind.
    void prepareTuning(OptimizerKind optimizer = OptimizerKind::AdamW);
    void releaseTuning();
    [[nodiscard]] bool tuning() const { return m_gradients.defined(); }

    [[nodiscard]] bool empty() const { return m_parameters.empty(); }
    [[nodiscard]] std::int64_t count() const;  // trainable values, padding not counted
    [[nodiscard]] std::int64_t count(ParameterGroup group) const;
    [[nodiscard]] const std::vector<Parameter>& parameters() const { return m_parameters; }
    [[nodiscard]] const Parameter* find(std::string_view key) const;

    // Views of one parameter, of its shape. Writing to value() needs refresh() afterwards.
    [[nodiscard]] at::Tensor value(const Parameter& parameter) const { return view(m_values, parameter); }
    [[nodiscard]] at::Tensor gradient(const Parameter& parameter) const {
        return view(m_gradients, parameter);
    }

    // What layers compute with.
    [[nodiscard]] const at::Tensor& working(BlockId block) const {
        return m_blocks[block].working;
    }  // compute type
    // fp32, added to: the gradient itself, or with bf16 the layer's sum that foldGradients() takes.
    [[nodiscard]] at::Tensor& gradient(BlockId block) { return m_blocks[block].gradient; }
    // Ends a layer's backward: with bf16 its sums are rounded into the gradients (key: seed, step, row offset
    // of the micro-batch). Else nothing to do.
    void foldGradients(std::int64_t layer, const ops::RandomKey& key);

    [[nodiscard]] at::Tensor& values() { return m_values; }
    [[nodiscard]] at::Tensor& gradients() { return m_gradients; }
    // Moments of the kind that prepareTuning() was asked for; the others are undefined.
    [[nodiscard]] at::Tensor& firstMoments() { return m_first; }
    [[nodiscard]] at::Tensor& secondMoments() { return m_second; }
    [[nodiscard]] bool eightBit() const { return m_state8.codes1.defined(); }
    [[nodiscard]] ops::AdamW8State& state8() { return m_state8; }
    // The compute type's copy where there is one, for an optimizer that writes it along; else undefined.
    [[nodiscard]] at::Tensor workingCopy() const {
        return m_compute == masterType() ? at::Tensor() : m_working;
    }
    void refresh();  // compute-type copy from the master values; nothing to do in fp32
    void zeroGradients();
    [[nodiscard]] std::int64_t bytes() const;  // of all buffers

  private:
    struct Block {
        std::vector<std::int64_t> shape;
        std::int64_t offset = 0;
        std::int64_t layer = 0;
        at::Tensor initial;  // host values until allocate()
        at::Tensor working, gradient;
    };
    [[nodiscard]] static at::Tensor view(const at::Tensor& flat, const Parameter& parameter);
    [[nodiscard]] static at::Tensor view(const at::Tensor& flat, std::int64_t offset,
                                         const std::vector<std::int64_t>& shape);
    // fp64 in gradient checks, else fp32 or bf16
    [[nodiscard]] at::ScalarType masterType() const {
        if (m_compute == at::kDouble) return at::kDouble;
        return m_kept == TrainedValues::Bf16 ? at::kBFloat16 : at::kFloat;
    }
    [[nodiscard]] bool staged() const { return masterType() == at::kBFloat16; }
    void makeWorking();
    void makeStage();
    [[nodiscard]] at::Tensor slice(const at::Tensor& flat, const Block& block) const;

    at::Device m_device;
    at::ScalarType m_compute;
    TrainedValues m_kept = TrainedValues::Fp32;
    std::vector<Parameter> m_parameters;
    std::vector<Block> m_blocks;
    std::int64_t m_size = 0;  // elements with padding
    at::Tensor m_values, m_working, m_gradients, m_first, m_second;
    ops::AdamW8State m_state8;
    GradientStage m_stage;  // with bf16, while tuning
};

}  // namespace caravan::engine::model
