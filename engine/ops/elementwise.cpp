// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/dispatch.h"
#include "engine/ops/parallel.h"
#include "engine/ops/timeline.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "kernels/swiglu/swiglu.h"

namespace caravan::engine::ops {
namespace {

bool rowsOf(const at::Tensor& x, std::int64_t columns) {
    return x.dim() == 2 && x.size(1) == columns && (x.stride(1) == 1 || columns == 1);
}

kernels::SwigluShape swigluShape(const char* operation, const at::Tensor& gate, const at::Tensor& up) {
    require(gate.dim() == 2 && rowsOf(gate, gate.size(1)), operation,
            "a gate [T, I] with neighbouring columns", gate);
    require(up.sizes() == gate.sizes() && rowsOf(up, up.size(1)), operation, "an up like the gate", up);
    return {gate.size(1), gate.stride(0), up.stride(0)};
}

// Rows [begin, end) of x += those of add, if there is one
template <class T>
void addRows(const at::Tensor& add, std::int64_t begin, std::int64_t end, std::int64_t columns,
             const at::Tensor& x) {
    if (add.defined())
        kernels::addValues(data<T>(x) + begin * columns, data<T>(add) + begin * columns,
                           (end - begin) * columns);
}

// x [+ add, stored in x] -> result
void normOnDevice(const at::Tensor& x, const at::Tensor& add, const at::Tensor& weight, double eps,
                  Normed& result) {
    const at::Tensor w = weight.to(x.scalar_type());
    const kernels::cuda::RmsNormArguments arguments{x.data_ptr(),
                                                    add.defined() ? add.data_ptr() : nullptr,
                                                    w.data_ptr(),
                                                    static_cast<float>(eps),
                                                    x.data_ptr(),
                                                    result.y.data_ptr(),
                                                    data<float>(result.rstd),
                                                    result.rstd.numel(),
                                                    x.size(-1)};
    checkLaunch("rmsNorm", cudaTable().rmsNorm(elementOf("rmsNorm", x), arguments, streamOf(x)));
}

Normed norm(const at::Tensor& x, const at::Tensor& add, const at::Tensor& weight, double eps) {
    const std::int64_t columns = x.size(-1), rows = x.numel() / std::max<std::int64_t>(1, columns);
    require(weight.numel() == columns && weight.is_contiguous(), "rmsNorm", "a weight of x's columns",
            weight);
    Normed result{at::empty_like(x), at::empty({rows}, x.is_cuda() ? like(x, at::kFloat) : x.options())};
    if (x.is_cuda()) {
        normOnDevice(x, add, weight, eps, result);
        return result;
    }
    forReal("rmsNorm", x, [&](auto type) {
        using T = decltype(type);
        const at::Tensor w = weight.to(x.scalar_type());
        parallelRows(rows, rowGrain(columns), [&](std::int64_t begin, std::int64_t end) {
            addRows<T>(add, begin, end, columns, x);
            kernels::rmsNormRows(data<T>(x), data<T>(w), static_cast<T>(eps), data<T>(result.y),
                                 data<T>(result.rstd), columns, begin, end);
        });
    });
    return result;
}

}  // namespace

Normed rmsNormOfSum(at::Tensor& x, const at::Tensor& add, const at::Tensor& weight, double eps) {
    const PartScope scope(Part::Elementwise);
    require(x.dim() >= 2 && x.is_contiguous(), "rmsNormOfSum", "[..., columns] contiguous", x);
    require(add.sizes() == x.sizes() && add.is_contiguous() && add.scalar_type() == x.scalar_type(),
            "rmsNormOfSum", "a summand like x", add);
    return norm(x, add, weight, eps);
}

Normed rmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
    const PartScope scope(Part::Elementwise);
    require(x.dim() >= 2 && x.is_contiguous(), "rmsNorm", "[..., columns] contiguous", x);
    return norm(x, {}, weight, eps);
}

at::Tensor rmsNormBackward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                           const at::Tensor& rstd, const at::Tensor& add) {
    const PartScope scope(Part::Elementwise);
    require(x.dim() >= 2 && x.is_contiguous(), "rmsNormBackward", "[..., columns] contiguous", x);
    require(dy.sizes() == x.sizes() && dy.is_contiguous(), "rmsNormBackward", "a gradient like x", dy);
    const std::int64_t columns = x.size(-1), rows = rstd.numel();
    at::Tensor dx = at::empty_like(x);
    require(!add.defined() ||
                (add.sizes() == x.sizes() && add.is_contiguous() && add.scalar_type() == x.scalar_type()),
            "rmsNormBackward", "a summand like x", add);
    if (x.is_cuda()) {
        const at::Tensor w = weight.to(x.scalar_type());
        const kernels::cuda::RmsNormBackwardArguments arguments{
            dy.data_ptr(),     x.data_ptr(),  w.data_ptr(), add.defined() ? add.data_ptr() : nullptr,
            data<float>(rstd), dx.data_ptr(), rows,         columns};
        checkLaunch("rmsNormBackward",
                    cudaTable().rmsNormBackward(elementOf("rmsNormBackward", x), arguments, streamOf(x)));
        return dx;
    }
    forReal("rmsNormBackward", x, [&](auto type) {
        using T = decltype(type);
        const at::Tensor w = weight.to(x.scalar_type());
        parallelRows(rows, rowGrain(columns), [&](std::int64_t begin, std::int64_t end) {
            kernels::rmsNormBackwardRows(data<T>(dy), data<T>(x), data<T>(w), data<T>(rstd), data<T>(dx),
                                         columns, begin, end);
            addRows<T>(add, begin, end, columns, dx);
        });
    });
    return dx;
}

void ropeInPlace(at::Tensor& x, const at::Tensor& positions, const RopeTable& table, bool inverse) {
    const PartScope scope(Part::Elementwise);
    require(x.dim() == 3 && x.stride(2) == 1 && x.stride(1) == x.size(2), "rope",
            "[T, heads, head size], heads behind each other", x);
    require(positions.numel() == x.size(0) && positions.scalar_type() == at::kInt, "rope",
            "int32 positions [T]", positions);
    require(table.cos.size(1) * 2 == x.size(2), "rope", "a table of half the head size", table.cos);
    const kernels::RopeShape shape{x.size(1), x.size(2) / 2, x.stride(0), inverse};
    if (x.is_cuda()) {
        checkLaunch("rope", cudaTable().rope(elementOf("rope", x), x.data_ptr(),
                                             data<std::int32_t>(positions), data<float>(table.cos),
                                             data<float>(table.sin), shape, x.size(0), streamOf(x)));
        return;
    }
    forReal("rope", x, [&](auto type) {
        using T = decltype(type);
        const at::Tensor cos = table.cos.to(x.scalar_type()), sin = table.sin.to(x.scalar_type());
        parallelRows(x.size(0), rowGrain(x.size(1) * x.size(2)), [&](std::int64_t begin, std::int64_t end) {
            kernels::ropeRows(data<T>(x), data<std::int32_t>(positions), data<T>(cos), data<T>(sin), shape,
                              begin, end);
        });
    });
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
    const PartScope scope(Part::Elementwise);
    const auto shape = swigluShape("swiglu", gate, up);
    at::Tensor h = at::empty({gate.size(0), shape.columns}, gate.options());
    if (gate.is_cuda()) {
        checkLaunch("swiglu", cudaTable().swiglu(elementOf("swiglu", gate), gate.data_ptr(), up.data_ptr(),
                                                 h.data_ptr(), shape, gate.size(0), streamOf(gate)));
        return h;
    }
    forReal("swiglu", gate, [&](auto type) {
        using T = decltype(type);
        parallelRows(gate.size(0), rowGrain(shape.columns), [&](std::int64_t begin, std::int64_t end) {
            kernels::swigluRows(data<T>(gate), data<T>(up), data<T>(h), shape, begin, end);
        });
    });
    return h;
}

SwigluGradient swigluBackward(const at::Tensor& dh, const at::Tensor& gate, const at::Tensor& up,
                              bool withProduct) {
    const PartScope scope(Part::Elementwise);
    const auto shape = swigluShape("swigluBackward", gate, up);
    require(dh.sizes() == gate.sizes() && dh.is_contiguous(), "swigluBackward",
            "a contiguous gradient [T, I]", dh);
    at::Tensor packed = at::empty({gate.size(0), 2 * shape.columns}, gate.options());
    SwigluGradient gradient{
        packed.narrow(1, 0, shape.columns), packed.narrow(1, shape.columns, shape.columns), packed, {}};
    if (gate.is_cuda()) {
        if (withProduct) gradient.product = at::empty_like(dh);
        checkLaunch("swigluBackward",
                    cudaTable().swigluBackward(elementOf("swigluBackward", gate), dh.data_ptr(),
                                               gate.data_ptr(), up.data_ptr(), packed.data_ptr(),
                                               withProduct ? gradient.product.data_ptr() : nullptr, shape,
                                               gate.size(0), streamOf(gate)));
        return gradient;
    }
    if (withProduct) gradient.product = at::empty_like(dh);
    forReal("swigluBackward", gate, [&](auto type) {
        using T = decltype(type);
        parallelRows(gate.size(0), rowGrain(shape.columns), [&](std::int64_t begin, std::int64_t end) {
            kernels::swigluBackwardRows(data<T>(dh), data<T>(gate), data<T>(up), data<T>(packed), shape,
                                        begin, end, withProduct ? data<T>(gradient.product) : nullptr);
        });
    });
    return gradient;
}

}  // namespace caravan::engine::ops
