// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/api/engine.h"
#include "engine/api/model_config.h"
#include "engine/formats/reference_run.h"
#include "engine/model/kv_cache.h"
#include "engine/model/tokens.h"
#include "engine/model/trainable.h"
#include "engine/moe/steering.h"

namespace caravan::engine::model {

struct StepState;  // step_state.h: what a forward pass keeps for its backward
struct Layer;      // layer.h
struct LayerPass;
class Workspace;  // workspace.h: the buffer that NF4 weights are dequantised into
struct Tuning;    // step_state.h: dropout, seed and step of a tuning pass

struct LoadOptions {
    Quantization quantization =
        Quantization::None;  // nf4: quantise the seven linears while loading (already NF4 folders stay NF4)
    Compute compute = Compute::Auto;     // auto: fp32 on the CPU, bf16 on CUDA
    std::optional<at::ScalarType> type;  // instead of compute: fp64 for gradient checks
    at::Device device = at::kCPU;
    std::optional<std::string> base;  // instead of the one that a PEFT folder names
    ReferenceChoices reference;       // of a reference run's folder
    ProgressFunction progress;        // "reading weights", tensors done of all
    std::stop_token stop;             // EngineException Interrupted
};

// The sparse part that upcycling adds (methods.md section 1, PESC).
struct PescOptions {
    std::int64_t experts = 8, topK = 2, adapterSize = 512;
    double scaling = 0.25;
    std::vector<std::int64_t> layers;  // ascending
    std::uint64_t seed = 0;
};
struct LoraOptions {
    std::int64_t rank = 64;
    double alpha = 16;
    std::vector<std::string> targets;  // "q_proj" ... "down_proj"
    std::uint64_t seed = 0;
};

struct ForwardOptions {
    bool dense = false;  // without experts and LoRA: the (quantised) base alone
    const moe::Steering* steering = nullptr;
    std::vector<moe::LayerRouting>* routing = nullptr;  // if set: one entry per sparse layer is appended
    // The caller wants the last token alone: behind the last layer's keys and values only its row is
    // computed, and that layer's routing is its own.
    bool lastAlone = false;
};

// A decoder of the Llama family, dense or with experts, with LoRA or without, on one device. Weights are
// frozen except those in trainable(). Not thread-safe: one pass at a time.
class Model {
  public:
    Model(ModelConfig config, at::Device device, at::ScalarType compute);
    ~Model();
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    [[nodiscard]] const ModelConfig& config() const { return m_config; }  // moe set once experts are attached
    [[nodiscard]] at::Device device() const { return m_device; }
    [[nodiscard]] at::ScalarType compute() const { return m_compute; }
    [[nodiscard]] Trainable& trainable() { return m_trainable; }
    [[nodiscard]] const Trainable& trainable() const { return m_trainable; }
    [[nodiscard]] std::int64_t weightBytes() const;  // of the frozen weights as they lie in memory
    [[nodiscard]] bool quantized() const;            // the linears are NF4
    // Whether NF4 linears are dequantised once and kept beside their codes (2 bytes a weight more, the same
    // values) or again for every use.
    void keepDequantised(bool keep);
    // Frozen linears in e4m3 beside what they are stored as, for the products of a step alone.
    void keepFp8(bool keep);
    // Lays the frozen matrices out for the CPU's products, if these take at most kMostPanels (of which
    // the layouts take twice as much again).
    void keepPanels();
    [[nodiscard]] const ops::FrozenPanels* headPanels() const {
        return m_headPanels.transposed.defined() ? &m_headPanels : nullptr;
    }

    // Final hidden state after the last norm, [T, D] in the compute type.
    [[nodiscard]] at::Tensor forward(const Tokens& tokens, const ForwardOptions& options = {});
    // Of hidden rows [N, D]: [N, V] fp32 (fp64 in fp64).
    [[nodiscard]] at::Tensor logits(const at::Tensor& hidden);
    // Appends ids to the cache's sequence (all at once when it is empty, else one by one) -> hidden states of
    // the appended tokens [n, D], or [1, D] of the last one. The routing of a call is that of its own tokens.
    [[nodiscard]] at::Tensor decode(std::span<const std::int32_t> ids, KvCache& cache,
                                    const ForwardOptions& options = {});
    [[nodiscard]] KvCache makeCache(std::int64_t capacity = 256) const;

    // Tuning: the same forward with dropout, keeping what backward needs; backward adds to the trainable
    // gradients.
    [[nodiscard]] at::Tensor forwardForTuning(const Tokens& tokens, const Tuning& tuning, StepState& state);
    void backward(const at::Tensor& dHidden, const Tokens& tokens, const Tuning& tuning, StepState& state);
    [[nodiscard]] const at::Tensor& head() const { return m_head; }  // [V, D], the embedding where tied

    [[nodiscard]] const at::Tensor& embedding() const { return m_embedding; }  // [V, D]
    [[nodiscard]] const at::Tensor& finalNorm() const { return m_finalNorm; }  // [D]
    // Rotations of at least so many positions; moves when it grows.
    [[nodiscard]] const ops::RopeTable& ropeTable(std::int64_t positions) {
        reserveRope(positions);
        return m_rope;
    }

    // Adds trainable parts with their initial values; the function computed stays exactly the same (step 0).
    // Once each.
    void attachPesc(const PescOptions& options);
    void attachLora(const LoraOptions& options);
    // A loaded sparse part or LoRA pair: values on the host in fp32; finishAttach() after the last.
    void addExperts(const MoeConfig& moe, std::int64_t layer, const at::Tensor& router,
                    const at::Tensor& down, const at::Tensor& up);
    void addLora(std::int64_t layer, const std::string& linear, double scale, const at::Tensor& a,
                 const at::Tensor& b);
    void finishAttach();

    [[nodiscard]] const std::vector<std::int64_t>& sparseLayers() const { return m_sparseLayers; }
    [[nodiscard]] bool hasLora() const { return m_lora; }
    // Scale and rank per attached LoRA pair, for writing a PEFT folder.
    struct LoraInfo {
        std::int64_t layer;
        std::string linear;
        std::int64_t rank;
        double scale;
    };
    [[nodiscard]] std::vector<LoraInfo> loraInfo() const;
    // A frozen linear of a layer as it lies in memory, for quantised export: NF4 or dense [out, in].
    [[nodiscard]] const ops::Nf4* nf4Of(std::int64_t layer, const std::string& linear) const;

    [[nodiscard]] std::vector<Layer>& layers() { return m_layers; }
    [[nodiscard]] Workspace& workspace() { return *m_workspace; }

  private:
    friend class Loader;
    friend class RandomModel;  // engine/bench: weights from a generator instead of files
    [[nodiscard]] at::Tensor embed(const at::Tensor& ids) const;
    void reserveRope(std::int64_t positions);
    [[nodiscard]] LayerPass layerPass(const Tokens& tokens);
    [[nodiscard]] at::Tensor run(const at::Tensor& ids, LayerPass pass, bool lastAlone = false);
    [[nodiscard]] at::Tensor decodeOne(std::int32_t id, KvCache& cache, const ForwardOptions& options);

    ModelConfig m_config;
    at::Device m_device;
    at::ScalarType m_compute;
    Trainable m_trainable;
    std::unique_ptr<Workspace> m_workspace;
    at::Tensor m_embedding, m_head, m_finalNorm;
    ops::FrozenPanels m_headPanels;
    ops::RopeTable m_rope;
    std::vector<Layer> m_layers;
    std::vector<std::int64_t> m_sparseLayers;
    bool m_lora = false;
};

// A Hugging Face folder (dense, or MoE in the Camelidae or Sparsetral layout) or a PEFT LoRA folder with its
// base. Throws EngineException.
[[nodiscard]] std::unique_ptr<Model> loadModel(const std::filesystem::path& folder,
                                               const LoadOptions& options);
// The compute type in force.
[[nodiscard]] at::ScalarType computeType(Compute compute, at::Device device);
// What a recipe's upcycle and tune parts attach to a loaded model.
void attachRecipe(Model& model, const Recipe& recipe);

}  // namespace caravan::engine::model
