// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/linear.h"

#include <ATen/Functions.h>

#include <algorithm>

namespace caravan::engine::model {

at::Tensor Workspace::matrix(std::int64_t rows, std::int64_t columns, at::ScalarType type,
                             at::Device device) {
    if (!m_buffer.defined() || m_buffer.numel() < rows * columns || m_buffer.scalar_type() != type ||
        m_buffer.device() != device) {
        m_buffer.reset();
        m_buffer = at::empty({rows * columns}, at::TensorOptions().device(device).dtype(type));
    }
    return m_buffer.narrow(0, 0, rows * columns).view({rows, columns});
}

void FrozenLinear::add(std::string name, const at::Tensor& dense) {
    m_parts.push_back(
        {.name = std::move(name), .out = dense.size(0), .offset = m_out, .dense = dense, .nf4 = {}});
    m_out += dense.size(0);
    m_in = dense.size(1);
}

void FrozenLinear::add(std::string name, ops::Nf4 nf4, at::ScalarType stored) {
    const std::int64_t out = nf4.shape[0];
    m_in = nf4.shape[1];
    m_parts.push_back({.name = std::move(name),
                       .out = out,
                       .offset = m_out,
                       .dense = {},
                       .nf4 = std::move(nf4),
                       .stored = stored});
    m_out += out;
}

void FrozenLinear::finish() {
    std::vector<at::Tensor> dense;
    for (const Part& part : m_parts)
        if (part.dense.defined()) dense.push_back(part.dense);
    if (dense.size() != m_parts.size()) return;
    m_joined = dense.size() == 1 ? dense.front() : at::cat(dense, 0);
    for (Part& part : m_parts)
        part.dense.reset();
}

at::Tensor FrozenLinear::weight(Workspace& workspace, at::ScalarType compute) const {
    if (m_joined.defined()) return m_joined;
    if (m_kept.defined()) return m_kept;
    const at::Device device =
        m_parts.front().nf4 ? m_parts.front().nf4->codes.device() : m_parts.front().dense.device();
    at::Tensor whole = workspace.matrix(m_out, m_in, compute, device);
    std::vector<const ops::Nf4*> alike;
    for (const Part& part : m_parts)
        if (part.nf4 && part.stored == m_parts.front().stored) alike.push_back(&*part.nf4);
    if (alike.size() == m_parts.size()) {
        ops::dequantizeNf4(alike, m_parts.front().stored, whole);
        return whole;
    }
    for (const Part& part : m_parts) {
        at::Tensor rows = whole.narrow(0, part.offset, part.out);
        if (part.nf4)
            ops::dequantizeNf4(*part.nf4, part.stored, rows);
        else
            rows.copy_(part.dense);
    }
    return whole;
}

void FrozenLinear::keepDequantised(Workspace& workspace, at::ScalarType compute) {
    if (!m_joined.defined() && !m_kept.defined()) m_kept = weight(workspace, compute).clone();
}

void FrozenLinear::keepFp8(Workspace& workspace, at::ScalarType compute) {
    if (m_fp8.defined()) return;
    const at::Tensor whole = weight(workspace, compute);
    if (ops::suitsFp8(whole)) m_fp8 = ops::roundToFp8(whole);
}

void FrozenLinear::keepPanels() {
    if (m_joined.defined() && !m_panels.transposed.defined()) m_panels = ops::packFrozen(m_joined);
}

std::optional<std::size_t> FrozenLinear::partNamed(const std::string& name) const {
    for (std::size_t i = 0; i < m_parts.size(); ++i)
        if (m_parts[i].name == name || m_parts[i].name.ends_with("." + name)) return i;
    return std::nullopt;
}

std::int64_t FrozenLinear::bytes() const {
    std::int64_t sum = m_joined.defined() ? static_cast<std::int64_t>(m_joined.nbytes()) : 0;
    if (m_kept.defined()) sum += static_cast<std::int64_t>(m_kept.nbytes());
    sum += m_fp8.bytes();
    for (const Part& part : m_parts) {
        if (part.dense.defined()) sum += static_cast<std::int64_t>(part.dense.nbytes());
        if (!part.nf4) continue;
        for (const at::Tensor* tensor :
             {&part.nf4->codes, &part.nf4->absmax, &part.nf4->nestedAbsmax, &part.nf4->nestedMap})
            if (tensor->defined()) sum += static_cast<std::int64_t>(tensor->nbytes());
    }
    return sum;
}

bool AdaptedLinear::hasLora() const {
    for (const auto& part : lora)
        if (part) return true;
    return false;
}

ops::LoraGroup AdaptedLinear::group(const LinearPass& pass, const std::vector<at::Tensor>* saved) const {
    ops::LoraGroup group{.parts = {}, .dropout = pass.dropout, .key = pass.key, .panels = frozen.panels()};
    for (std::size_t i = 0; i < lora.size(); ++i) {
        if (!lora[i]) continue;
        group.parts.push_back(
            {.a = pass.parameters.working(lora[i]->a),
             .b = pass.parameters.working(lora[i]->b),
             .begin = frozen.offsetOf(i),
             .scale = lora[i]->scale,
             .site = siteOf(i),
             .da = saved ? pass.parameters.gradient(lora[i]->a) : at::Tensor(),
             .db = saved ? pass.parameters.gradient(lora[i]->b) : at::Tensor(),
             .kept = saved && saved->size() > lora.size() ? (*saved)[lora.size() + i] : at::Tensor()});
    }
    return group;
}

// Without the holes of linears that have no LoRA.
std::vector<at::Tensor> AdaptedLinear::ofParts(const std::vector<at::Tensor>& perLinear) const {
    std::vector<at::Tensor> result;
    for (std::size_t i = 0; i < lora.size(); ++i)
        if (lora[i]) result.push_back(perLinear[i]);
    return result;
}

at::Tensor AdaptedLinear::forward(const at::Tensor& x, const LinearPass& pass,
                                  std::vector<at::Tensor>* saved) const {
    if (saved) saved->assign(2 * lora.size(), {});
    std::vector<at::Tensor> h;
    const ops::LoraGroup loras = pass.lora ? group(pass, nullptr) : ops::LoraGroup{};
    at::Tensor y = fp8(pass) ? ops::linear(x, *fp8(pass), bias, loras, h)
                             : ops::linear(x, frozen.weight(pass.workspace, pass.compute), bias, loras, h);
    if (h.empty()) return y;
    if (!saved) return y;
    const auto parts = static_cast<std::size_t>(
        std::count_if(lora.begin(), lora.end(), [](const auto& l) { return l.has_value(); }));
    for (std::size_t i = 0, part = 0; i < lora.size(); ++i) {
        if (!lora[i]) continue;
        (*saved)[i] = std::move(h[part]);
        if (h.size() > parts) (*saved)[lora.size() + i] = std::move(h[parts + part]);
        ++part;
    }
    return y;
}

at::Tensor AdaptedLinear::backward(const at::Tensor& dy, const at::Tensor& x, const LinearPass& pass,
                                   const std::vector<at::Tensor>& saved, bool wantInput) const {
    std::vector<at::Tensor> dh;
    at::Tensor dx = backwardInput(dy, pass, saved, wantInput, dh);
    backwardParameters(dy, x, pass, saved, dh);
    return dx;
}

at::Tensor AdaptedLinear::backwardInput(const at::Tensor& dy, const LinearPass& pass,
                                        const std::vector<at::Tensor>& saved, bool wantInput,
                                        std::vector<at::Tensor>& dh) const {
    if (wantInput && fp8(pass)) return ops::linearBackward(dy, *fp8(pass), group(pass, &saved), dh);
    if (wantInput)
        return ops::linearBackward(dy, frozen.weight(pass.workspace, pass.compute), group(pass, &saved), dh);
    at::Tensor dx;
    if (hasLora()) dh = ops::loraBackwardInput(dy, group(pass, &saved), dx);
    return dx;
}

void AdaptedLinear::backwardParameters(const at::Tensor& dy, const at::Tensor& x, const LinearPass& pass,
                                       const std::vector<at::Tensor>& saved,
                                       const std::vector<at::Tensor>& dh) const {
    if (hasLora()) ops::loraBackwardParameters(dy, x, ofParts(saved), dh, group(pass, &saved));
}

}  // namespace caravan::engine::model
