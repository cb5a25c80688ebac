// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/linear.h"

#include <ATen/Functions.h>

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
    const at::Device device =
        m_parts.front().nf4 ? m_parts.front().nf4->codes.device() : m_parts.front().dense.device();
    at::Tensor whole = workspace.matrix(m_out, m_in, compute, device);
    for (const Part& part : m_parts) {
        at::Tensor rows = whole.narrow(0, part.offset, part.out);
        if (part.nf4)
            ops::dequantizeNf4(*part.nf4, part.stored, rows);
        else
            rows.copy_(part.dense);
    }
    return whole;
}

std::optional<std::size_t> FrozenLinear::partNamed(const std::string& name) const {
    for (std::size_t i = 0; i < m_parts.size(); ++i)
        if (m_parts[i].name == name || m_parts[i].name.ends_with("." + name)) return i;
    return std::nullopt;
}

std::int64_t FrozenLinear::bytes() const {
    std::int64_t sum = m_joined.defined() ? static_cast<std::int64_t>(m_joined.nbytes()) : 0;
    for (const Part& part : m_parts) {
        if (part.dense.defined()) sum += static_cast<std::int64_t>(part.dense.nbytes());
        if (!part.nf4) continue;
        for (const at::Tensor* tensor :
             {&part.nf4->codes, &part.nf4->absmax, &part.nf4->nestedAbsmax, &part.nf4->nestedMap})
            if (tensor->defined()) sum += static_cast<std::int64_t>(tensor->nbytes());
    }
    return sum;
}

namespace {
ops::RandomKey keyOf(const LinearPass& pass, std::int32_t site) {
    ops::RandomKey key = pass.key;
    key.site = site;
    return key;
}
}  // namespace

bool AdaptedLinear::hasLora() const {
    for (const auto& part : lora)
        if (part) return true;
    return false;
}

at::Tensor AdaptedLinear::forward(const at::Tensor& x, const LinearPass& pass,
                                  std::vector<at::Tensor>* saved) const {
    at::Tensor y = ops::linear(x, frozen.weight(pass.workspace, pass.compute));
    if (bias.defined()) y.add_(bias);
    if (saved) saved->assign(lora.size(), {});
    if (!pass.lora) return y;
    for (std::size_t i = 0; i < lora.size(); ++i) {
        if (!lora[i]) continue;
        at::Tensor part = lora.size() == 1 ? y : y.narrow(1, frozen.offsetOf(i), frozen.outOf(i));
        at::Tensor h = ops::loraForward(part, x, pass.parameters.working(lora[i]->a),
                                        pass.parameters.working(lora[i]->b), lora[i]->scale, pass.dropout,
                                        keyOf(pass, siteOf(i)));
        if (saved) (*saved)[i] = h;
    }
    return y;
}

at::Tensor AdaptedLinear::backward(const at::Tensor& dy, const at::Tensor& x, const LinearPass& pass,
                                   const std::vector<at::Tensor>& saved, bool wantInput) const {
    at::Tensor dx;
    if (wantInput) dx = ops::linearBackward(dy, frozen.weight(pass.workspace, pass.compute));
    for (std::size_t i = 0; i < lora.size(); ++i) {
        if (!lora[i]) continue;
        const at::Tensor part = lora.size() == 1 ? dy : dy.narrow(1, frozen.offsetOf(i), frozen.outOf(i));
        ops::loraBackward(part, x, saved[i], pass.parameters.working(lora[i]->a),
                          pass.parameters.working(lora[i]->b), lora[i]->scale, pass.dropout,
                          keyOf(pass, siteOf(i)), pass.parameters.gradient(lora[i]->a),
                          pass.parameters.gradient(lora[i]->b), dx);
    }
    return dx;
}

}  // namespace caravan::engine::model
