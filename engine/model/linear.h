// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/trainable.h"
#include "engine/model/workspace.h"
#include "engine/ops/fp8.h"
#include "engine/ops/ops.h"

namespace caravan::engine::model {

// Frozen weights of linears that share their input, as one matrix [sum of outs, in]: q|k|v, gate|up, or a
// single one. Each part is dense or NF4 by itself, since each checkpoint tensor is quantised on its own.
class FrozenLinear {
  public:
    void add(std::string name, const at::Tensor& dense);
    void add(std::string name, ops::Nf4 nf4, at::ScalarType stored);
    void finish();  // after the last part: dense parts are joined

    // In the compute type. With NF4 the tensor lies in the workspace and is valid until the next call.
    [[nodiscard]] at::Tensor weight(Workspace& workspace, at::ScalarType compute) const;
    // Dequantises once and keeps the result: more memory, the same values.
    void keepDequantised(Workspace& workspace, at::ScalarType compute);
    void dropDequantised() { m_kept.reset(); }
    // Rounded to e4m3 once and kept, for a step's products; nothing where the sizes do not suit.
    void keepFp8(Workspace& workspace, at::ScalarType compute);
    void dropFp8() { m_fp8 = {}; }
    [[nodiscard]] const ops::Fp8Weight* fp8() const { return m_fp8.defined() ? &m_fp8 : nullptr; }
    // Of the dense matrix, for the CPU's products; stays for good.
    void keepPanels();
    [[nodiscard]] const ops::FrozenPanels* panels() const {
        return m_panels.transposed.defined() ? &m_panels : nullptr;
    }
    [[nodiscard]] std::size_t parts() const { return m_parts.size(); }
    [[nodiscard]] std::int64_t out() const { return m_out; }
    [[nodiscard]] std::int64_t in() const { return m_in; }
    [[nodiscard]] std::int64_t outOf(std::size_t part) const { return m_parts[part].out; }
    [[nodiscard]] std::int64_t offsetOf(std::size_t part) const { return m_parts[part].offset; }
    [[nodiscard]] const std::string& nameOf(std::size_t part) const { return m_parts[part].name; }
    [[nodiscard]] std::optional<std::size_t> partNamed(const std::string& name) const;
    [[nodiscard]] const ops::Nf4* nf4(std::size_t part) const {
        return m_parts[part].nf4 ? &*m_parts[part].nf4 : nullptr;
    }
    [[nodiscard]] at::ScalarType storedOf(std::size_t part) const { return m_parts[part].stored; }
    [[nodiscard]] const at::Tensor& joined() const {
        return m_joined;
    }  // undefined unless all parts are dense
    [[nodiscard]] std::int64_t bytes() const;

  private:
    struct Part {
        std::string name;  // "self_attn.q_proj"
        std::int64_t out = 0, offset = 0;
        at::Tensor dense;  // until finish()
        std::optional<ops::Nf4> nf4;
        at::ScalarType stored = at::kBFloat16;
    };
    std::vector<Part> m_parts;
    at::Tensor m_joined;  // all parts dense
    at::Tensor m_kept;    // dequantised, if it is to be kept
    ops::Fp8Weight m_fp8;
    ops::FrozenPanels m_panels;
    std::int64_t m_out = 0, m_in = 0;
};

struct LoraPart {
    BlockId a = 0, b = 0;  // [r, in], [out, r]
    double scale = 1;      // alpha / r
    std::int64_t rank = 0;
};

// What a pass through a linear depends on.
struct LinearPass {
    Trainable& parameters;
    Workspace& workspace;
    at::ScalarType compute = at::kFloat;
    bool lora = true;    // false: the frozen weights alone
    bool fp8 = false;    // products of frozen weights in fp8, where they are kept so
    double dropout = 0;  // on LoRA's input, an own mask per linear
    ops::RandomKey key;  // purpose LoraDropout, this layer; site is set per linear
};

// A frozen linear with its bias and, per part, maybe a LoRA.
struct AdaptedLinear {
    FrozenLinear frozen;
    at::Tensor bias;                            // [sum of outs] or undefined
    std::vector<std::optional<LoraPart>> lora;  // per part
    std::int32_t site = 0;                      // of the first part, 0 .. 6 in the order q k v o gate up down

    // saved: LoRA's rank-r products per part, if wanted, then its masks' bits per part where the operation
    // keeps them.
    [[nodiscard]] at::Tensor forward(const at::Tensor& x, const LinearPass& pass,
                                     std::vector<at::Tensor>* saved) const;
    // Adds to the LoRA gradients; returns dL/dx, or undefined if it is not wanted.
    [[nodiscard]] at::Tensor backward(const at::Tensor& dy, const at::Tensor& x, const LinearPass& pass,
                                      const std::vector<at::Tensor>& saved, bool wantInput) const;
    // Its two halves, for an input that is there only after dL/dx: dh goes from the first to the second.
    [[nodiscard]] at::Tensor backwardInput(const at::Tensor& dy, const LinearPass& pass,
                                           const std::vector<at::Tensor>& saved, bool wantInput,
                                           std::vector<at::Tensor>& dh) const;
    void backwardParameters(const at::Tensor& dy, const at::Tensor& x, const LinearPass& pass,
                            const std::vector<at::Tensor>& saved, const std::vector<at::Tensor>& dh) const;
    [[nodiscard]] bool hasLora() const;
    [[nodiscard]] std::int32_t siteOf(std::size_t part) const {
        return site + static_cast<std::int32_t>(part);
    }

  private:
    // saved: what the forward left, for a backward; null: a forward
    [[nodiscard]] ops::LoraGroup group(const LinearPass& pass, const std::vector<at::Tensor>* saved) const;
    [[nodiscard]] const ops::Fp8Weight* fp8(const LinearPass& pass) const {
        return pass.fp8 ? frozen.fp8() : nullptr;
    }
    [[nodiscard]] std::vector<at::Tensor> ofParts(const std::vector<at::Tensor>& perLinear) const;
};

}  // namespace caravan::engine::model
