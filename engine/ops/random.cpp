// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/dispatch.h"
#include "engine/ops/parallel.h"
#include "kernels/dropout/dropout.h"

namespace caravan::engine::ops {
namespace {

// True when the mask was applied on the GPU.
bool maskedOnDevice(const char* operation, const at::Tensor& x, at::Tensor& out,
                    const kernels::DropoutMask& mask, bool add) {
    if (!x.is_cuda()) return false;
    checkLaunch(operation, cudaTable().dropout(elementOf(operation, x), x.data_ptr(), out.data_ptr(),
                                               x.size(0), x.size(1), mask, add, streamOf(x)));
    return true;
}

}  // namespace

at::Tensor dropout(const at::Tensor& x, double p, const RandomKey& key) {
    if (p == 0) return x;
    require(x.dim() == 2 && x.is_contiguous(), "dropout", "[rows, columns] contiguous", x);
    at::Tensor out = at::empty_like(x);
    const auto mask = dropoutMask(p, key);
    const std::int64_t columns = x.size(1);
    if (maskedOnDevice("dropout", x, out, mask, false)) return out;
    forReal("dropout", x, [&](auto type) {
        using T = decltype(type);
        parallelRows(x.size(0), rowGrain(columns), [&](std::int64_t begin, std::int64_t end) {
            kernels::dropoutRows(data<T>(x), data<T>(out), columns, mask, begin, end);
        });
    });
    return out;
}

void dropoutInPlace(at::Tensor& x, double p, const RandomKey& key) {
    if (p == 0) return;
    require(x.dim() == 2 && x.is_contiguous(), "dropoutInPlace", "[rows, columns] contiguous", x);
    const auto mask = dropoutMask(p, key);
    const std::int64_t columns = x.size(1);
    if (maskedOnDevice("dropoutInPlace", x, x, mask, false)) return;
    forReal("dropoutInPlace", x, [&](auto type) {
        using T = decltype(type);
        parallelRows(x.size(0), rowGrain(columns), [&](std::int64_t begin, std::int64_t end) {
            kernels::dropoutRows(data<T>(x), data<T>(x), columns, mask, begin, end);
        });
    });
}

void dropoutAdd(at::Tensor& out, const at::Tensor& x, double p, const RandomKey& key) {
    if (p == 0) {
        out.add_(x);
        return;
    }
    require(x.dim() == 2 && x.is_contiguous(), "dropoutAdd", "[rows, columns] contiguous", x);
    require(out.sizes() == x.sizes() && out.is_contiguous(), "dropoutAdd", "an output like x", out);
    const auto mask = dropoutMask(p, key);
    const std::int64_t columns = x.size(1);
    if (maskedOnDevice("dropoutAdd", x, out, mask, true)) return;
    forReal("dropoutAdd", x, [&](auto type) {
        using T = decltype(type);
        parallelRows(x.size(0), rowGrain(columns), [&](std::int64_t begin, std::int64_t end) {
            kernels::dropoutAddRows(data<T>(x), data<T>(out), columns, mask, begin, end);
        });
    });
}

at::Tensor uniformHost(at::IntArrayRef shape, double bound, const RandomKey& key) {
    at::Tensor out = at::empty(shape, at::kFloat);
    parallelRows(out.numel(), 65536, [&](std::int64_t begin, std::int64_t end) {
        kernels::uniformValues(data<float>(out), static_cast<float>(bound), philoxKey(key), begin, end);
    });
    return out;
}

}  // namespace caravan::engine::ops
