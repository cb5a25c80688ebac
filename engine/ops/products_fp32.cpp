// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/products_fp32.h"

#include "engine/ops/dispatch.h"

namespace caravan::engine::ops::fp32 {
namespace {

using kernels::cuda::Fp32Gradient, kernels::cuda::Fp32Gradients, kernels::cuda::Fp32Mask,
    kernels::cuda::Fp32Product, kernels::cuda::Fp32Products, kernels::cuda::Fp32Stretch,
    kernels::cuda::kFp32Unit;

constexpr std::int64_t kManyRows = 1024;  // fewer tiles leave most of the card idle

bool whole(std::int64_t n) {
    return n > 0 && n % kFp32Unit == 0;
}
bool rowsBehindEachOther(const at::Tensor& x) {
    return x.dim() == 2 && x.is_cuda() && x.scalar_type() == at::kFloat && x.stride(1) == 1 &&
           x.stride(0) >= x.size(1) && x.stride(0) % 4 == 0 &&
           reinterpret_cast<std::uintptr_t>(x.data_ptr()) % 16 == 0;
}
bool manyRows(const at::Tensor& x) {
    return rowsBehindEachOther(x) && x.size(0) >= kManyRows && x.size(0) < (1 << 24) && hopperPaths();
}

at::Tensor columnsOf(const at::Tensor& y, const LoraPart& part) {
    return y.size(1) == part.b.size(0) ? y : y.narrow(1, part.begin, part.b.size(0));
}
RandomKey keyOf(const LoraGroup& group, std::size_t part) {
    RandomKey key = group.key;
    key.site = group.parts[part].site;
    return key;
}
kernels::DropoutMask maskOf(const LoraGroup& group, std::size_t part) {
    return group.dropout > 0 ? dropoutMask(group.dropout, keyOf(group, part)) : kernels::DropoutMask{};
}

Fp32Stretch stretchOf(const at::Tensor& a, const at::Tensor& b, double scale) {
    Fp32Stretch s{};
    s.a = data<float>(a), s.b = data<float>(b);
    s.aStride = a.stride(0), s.bStride = b.stride(0), s.inner = a.size(1);
    s.scale = static_cast<float>(scale);
    return s;
}
Fp32Product productOf(const Fp32Stretch& first, const at::Tensor& y, bool add) {
    return {{first, {}}, data<float>(y), y.stride(0), y.size(0), y.size(1), add};
}

void launch(const Fp32Products& products, const at::Tensor& beside) {
    checkLaunch("product", cudaTable().productFp32(products, streamOf(beside)));
}

// drop_i(x) A_i^T of all parts
std::vector<at::Tensor> downOf(const at::Tensor& x, const LoraGroup& group) {
    std::vector<at::Tensor> h;
    Fp32Products products{.of = {}, .count = 0, .transposed = true};
    for (std::size_t i = 0; i < group.parts.size(); ++i) {
        const at::Tensor& a = group.parts[i].a;
        h.push_back(at::empty({x.size(0), a.size(0)}, x.options()));
        Fp32Stretch stretch = stretchOf(x, a, 1);
        stretch.mask = maskOf(group, i);
        if (group.dropout > 0) stretch.masked = Fp32Mask::Left;
        products.of[products.count++] = productOf(stretch, h.back(), false);
    }
    launch(products, x);
    return h;
}

// One y of all parts is written or added to.
void spread(at::Tensor& y, const std::vector<at::Tensor>& h, const LoraGroup& group) {
    Fp32Products products{.of = {}, .count = 0, .transposed = true};
    for (std::size_t i = 0; i < h.size(); ++i) {
        const LoraPart& part = group.parts[i];
        products.of[products.count++] =
            productOf(stretchOf(h[i], part.b, part.scale), columnsOf(y, part), true);
    }
    launch(products, y);
}

}  // namespace

bool suits(const at::Tensor& x, const at::Tensor& weight, bool transposed) {
    return manyRows(x) && rowsBehindEachOther(weight) && whole(x.size(1)) &&
           x.size(1) == weight.size(transposed ? 1 : 0) && whole(weight.size(transposed ? 0 : 1));
}

void multiply(const at::Tensor& x, const at::Tensor& weight, bool transposed, at::Tensor& y) {
    if (!suits(x, weight, transposed) || !rowsBehindEachOther(y)) {
        at::mm_out(y, x, transposed ? weight.t() : weight);
        return;
    }
    Fp32Products products{.of = {}, .count = 1, .transposed = transposed};
    products.of[0] = productOf(stretchOf(x, weight, 1), y, false);
    launch(products, x);
}

bool suitsLora(const at::Tensor& x, const LoraGroup& group) {
    if (group.parts.empty() || group.dropout >= 0.99 ||
        2 * group.parts.size() > kernels::cuda::kFp32Products || !manyRows(x) || !whole(x.size(1)))
        return false;
    for (const LoraPart& part : group.parts) {
        if (!rowsBehindEachOther(part.a) || !rowsBehindEachOther(part.b) || !whole(part.a.size(0)) ||
            !whole(part.a.size(1)) || !whole(part.b.size(0)) || part.begin % 4 != 0)
            return false;
        if (part.da.defined() && (!rowsBehindEachOther(part.da) || !rowsBehindEachOther(part.db)))
            return false;
    }
    return true;
}

bool suitsLoraBackward(const at::Tensor& dy, const at::Tensor& weight, const LoraGroup& group) {
    return suits(dy, weight, false) && suitsLora(dy, group) &&
           group.parts.size() < kernels::cuda::kFp32Stretches &&
           (group.dropout == 0 || weight.size(1) % 128 == 0);
}

at::Tensor linearWithLora(const at::Tensor& x, const at::Tensor& weight, const LoraGroup& group,
                          std::vector<at::Tensor>& h) {
    h = downOf(x, group);
    at::Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
    Fp32Products products{.of = {}, .count = 0, .transposed = true};
    for (std::size_t i = 0; i < h.size(); ++i) {
        const LoraPart& part = group.parts[i];
        Fp32Product product = productOf(stretchOf(x, weight.narrow(0, part.begin, part.b.size(0)), 1),
                                        columnsOf(y, part), false);
        product.stretch[1] = stretchOf(h[i], part.b, part.scale);
        products.of[products.count++] = product;
    }
    launch(products, x);
    return y;
}

std::vector<at::Tensor> loraForward(at::Tensor& y, const at::Tensor& x, const LoraGroup& group) {
    auto h = downOf(x, group);
    spread(y, h, group);
    return h;
}

at::Tensor linearBackwardWithLora(const at::Tensor& dy, const at::Tensor& weight, const LoraGroup& group,
                                  std::vector<at::Tensor>& dh) {
    at::Tensor none;
    dh = fp32::loraBackwardInput(dy, group, none);
    at::Tensor dx = at::empty({dy.size(0), weight.size(1)}, dy.options());
    Fp32Products products{.of = {}, .count = 1, .transposed = false};
    products.of[0] = productOf(stretchOf(dy, weight, 1), dx, false);
    for (std::size_t i = 0; i < dh.size(); ++i) {
        Fp32Stretch& stretch = products.of[0].stretch[i + 1];
        stretch = stretchOf(dh[i], group.parts[i].a, 1);
        if (group.dropout == 0) continue;
        stretch.mask = maskOf(group, i);
        stretch.masked = Fp32Mask::Result;
    }
    launch(products, dy);
    return dx;
}

std::vector<at::Tensor> loraBackwardInput(const at::Tensor& dy, const LoraGroup& group, at::Tensor& dx) {
    std::vector<at::Tensor> dh;
    Fp32Products products{.of = {}, .count = 0, .transposed = false};
    for (const LoraPart& part : group.parts) {
        dh.push_back(at::empty({dy.size(0), part.a.size(0)}, dy.options()));
        products.of[products.count++] =
            productOf(stretchOf(columnsOf(dy, part), part.b, part.scale), dh.back(), false);
    }
    launch(products, dy);
    if (!dx.defined()) return dh;
    at::Tensor masked = group.dropout == 0 ? dx : at::empty_like(dx);
    for (std::size_t i = 0; i < dh.size(); ++i) {
        Fp32Products one{.of = {}, .count = 1, .transposed = false};
        one.of[0] = productOf(stretchOf(dh[i], group.parts[i].a, 1), masked, group.dropout == 0);
        launch(one, dx);
        if (group.dropout == 0) continue;
        dropoutAdd(dx, masked, group.dropout, keyOf(group, i));
    }
    return dh;
}

void loraBackwardParameters(const at::Tensor& dy, const at::Tensor& x, const std::vector<at::Tensor>& h,
                            const std::vector<at::Tensor>& dh, const LoraGroup& group) {
    Fp32Gradients gradients{.of = {}, .count = 0, .tokens = x.size(0)};
    const auto add = [&](const at::Tensor& a, const at::Tensor& b, const at::Tensor& sum, double scale) {
        Fp32Gradient& g = gradients.of[gradients.count++];
        g = {};
        g.a = data<float>(a), g.b = data<float>(b), g.sum = data<float>(sum);
        g.aStride = a.stride(0), g.bStride = b.stride(0), g.sumStride = sum.stride(0);
        g.rows = sum.size(0), g.columns = sum.size(1);
        g.scale = static_cast<float>(scale);
        return &g;
    };
    for (std::size_t i = 0; i < group.parts.size(); ++i) {
        const LoraPart& part = group.parts[i];
        Fp32Gradient* ofA = add(dh[i], x, part.da, 1);
        ofA->masked = group.dropout > 0;
        ofA->mask = maskOf(group, i);
        add(columnsOf(dy, part), h[i], part.db, part.scale);
    }
    const at::Tensor scratch = at::empty({cudaTable().gradientFp32Scratch(gradients)}, x.options());
    checkLaunch("product", cudaTable().gradientFp32(gradients, data<float>(scratch), streamOf(x)));
}

}  // namespace caravan::engine::ops::fp32
