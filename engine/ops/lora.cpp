// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/dispatch.h"
#include "engine/ops/few_rows.h"
#include "engine/ops/host_lora.h"
#include "engine/ops/lora_cuda.h"
#include "engine/ops/products_cuda.h"
#include "engine/ops/products_fp32.h"
#include "engine/ops/timeline.h"

namespace caravan::engine::ops {
namespace {

// sum += alpha * (a b), in sum's type
void addProduct(at::Tensor& sum, const at::Tensor& a, const at::Tensor& b, double alpha) {
    if (sum.scalar_type() == a.scalar_type())
        at::addmm_out(sum, sum, a, b, 1, alpha);
    else
        sum.add_(at::mm(a, b), alpha);
}

// scale * (a b); on a GPU in one launch
at::Tensor scaledProduct(const at::Tensor& a, const at::Tensor& b, double scale) {
    if (!a.is_cuda()) return at::mm(a, b).mul_(scale);
    at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
    at::addmm_out(out, out, a, b, 0, scale);
    return out;
}

RandomKey keyOf(const LoraGroup& group, std::size_t part) {
    RandomKey key = group.key;
    key.site = group.parts[part].site;
    return key;
}

at::Tensor columnsOf(const at::Tensor& y, const LoraPart& part) {
    return y.size(1) == part.b.size(0) ? y : y.narrow(1, part.begin, part.b.size(0));
}

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  const LoraGroup& group, std::vector<at::Tensor>& h) {
    std::int64_t covered = 0;
    for (const LoraPart& part : group.parts)
        covered += part.b.size(0);
    at::Tensor y;
    if (suitsJoinedLora(x, group) && covered == weight.size(0)) {
        y = startWithLora(x, group, h);
        const PartScope scope(Part::Products);
        productOnDevice(x, weight, true, true, y);
        if (bias.defined()) y.add_(bias);
        return y;
    }
    if (covered == weight.size(0) && fp32::suits(x, weight, true) && fp32::suitsLora(x, group)) {
        const PartScope scope(Part::Products);
        y = fp32::linearWithLora(x, weight, group, h);
        if (bias.defined()) y.add_(bias);
        return y;
    }
    if (suitsFewRows(x, weight, group)) {
        y = fewRowsLinear(x, weight, group, h);
        if (bias.defined()) y.add_(bias);
        return y;
    }
    if (host::suitsLora(x, weight, group)) {
        y = host::linearWithLora(x, weight, group, h);
        if (bias.defined()) y.add_(bias);
        return y;
    }
    y = ops::linear(x, weight);
    if (bias.defined()) y.add_(bias);
    if (!group.parts.empty()) h = loraForward(y, x, group);
    return y;
}

at::Tensor linearBackward(const at::Tensor& dy, const at::Tensor& weight, const LoraGroup& group,
                          std::vector<at::Tensor>& dh) {
    if (suitsJoinedLora(dy, group)) {
        at::Tensor dx = startBackwardWithLora(dy, group, dh);
        const PartScope scope(Part::Products);
        productOnDevice(dy, weight, false, true, dx);
        return dx;
    }
    if (fp32::suitsLoraBackward(dy, weight, group)) {
        const PartScope scope(Part::Products);
        return fp32::linearBackwardWithLora(dy, weight, group, dh);
    }
    if (host::suitsLora(dy, weight, group)) {
        at::Tensor dx = at::empty({dy.size(0), weight.size(1)}, dy.options());
        dh = host::backwardInputWithLora(dy, weight, group, dx);
        return dx;
    }
    at::Tensor dx = ops::linearBackward(dy, weight);
    if (!group.parts.empty()) dh = loraBackwardInput(dy, group, dx);
    return dx;
}

std::vector<at::Tensor> loraForward(at::Tensor& y, const at::Tensor& x, const LoraGroup& group) {
    const PartScope scope(Part::Lora);
    if (suitsJoinedLora(x, group)) return loraForwardOnDevice(y, x, group);
    if (fp32::suitsLora(x, group) && fp32::suitsLora(y, group)) return fp32::loraForward(y, x, group);
    std::vector<at::Tensor> h;
    for (std::size_t i = 0; i < group.parts.size(); ++i) {
        const LoraPart& part = group.parts[i];
        at::Tensor columns = columnsOf(y, part);
        h.push_back(loraForward(columns, x, part.a, part.b, part.scale, group.dropout, keyOf(group, i)));
    }
    return h;
}

std::vector<at::Tensor> loraBackwardInput(const at::Tensor& dy, const LoraGroup& group, at::Tensor& dx) {
    const PartScope scope(Part::Lora);
    if (suitsJoinedLora(dy, group)) return loraBackwardInputOnDevice(dy, group, dx);
    if (fp32::suitsLora(dy, group) && (!dx.defined() || dx.is_contiguous()))
        return fp32::loraBackwardInput(dy, group, dx);
    if (host::suitsLora(dy, {}, group)) return host::backwardInputWithLora(dy, {}, group, dx);
    std::vector<at::Tensor> all;
    for (std::size_t i = 0; i < group.parts.size(); ++i) {
        const LoraPart& part = group.parts[i];
        const at::Tensor dh = scaledProduct(columnsOf(dy, part), part.b.to(dy.scalar_type()), part.scale);
        all.push_back(dh);
        if (!dx.defined()) continue;
        if (group.dropout == 0)
            addProduct(dx, dh, part.a.to(dh.scalar_type()), 1);
        else
            dropoutAdd(dx, at::mm(dh, part.a.to(dh.scalar_type())), group.dropout, keyOf(group, i));
    }
    return all;
}

void loraBackwardParameters(const at::Tensor& dy, const at::Tensor& x, const std::vector<at::Tensor>& h,
                            const std::vector<at::Tensor>& dh, const LoraGroup& group) {
    const PartScope scope(Part::Lora);
    if (suitsJoinedLora(x, group)) {
        loraBackwardParametersOnDevice(dy, x, h, dh, group);
        return;
    }
    if (fp32::suitsLora(x, group) && fp32::suitsLora(dy, group)) {
        fp32::loraBackwardParameters(dy, x, h, dh, group);
        return;
    }
    if (host::suitsLora(x, {}, group) && host::suitsLora(dy, {}, group)) {
        host::backwardParametersOfLora(dy, x, h, dh, group);
        return;
    }
    for (std::size_t i = 0; i < group.parts.size(); ++i) {
        const LoraPart& part = group.parts[i];
        at::Tensor da = part.da, db = part.db;
        addProduct(db, columnsOf(dy, part).t(), h[i], part.scale);
        addProduct(da, dh[i].t(), dropout(x, group.dropout, keyOf(group, i)), 1);
    }
}

}  // namespace caravan::engine::ops
