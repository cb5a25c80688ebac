// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/products_cuda.h"

#include "engine/ops/dispatch.h"

namespace caravan::engine::ops {
namespace {

constexpr std::int64_t kManyRows = 1024;  // fewer: the library's first choice is as good
constexpr std::int64_t kWorkspace = std::int64_t{32} << 20;

bool rowsBehindEachOther(const at::Tensor& x) {
    return x.dim() == 2 && x.stride(1) == 1 && x.stride(0) >= x.size(1) && x.stride(0) % 8 == 0 &&
           reinterpret_cast<std::uintptr_t>(x.data_ptr()) % 16 == 0;
}

}  // namespace

bool suitsProductOnDevice(const at::Tensor& x, const at::Tensor& weight) {
    return x.is_cuda() && x.scalar_type() == at::kBFloat16 && weight.scalar_type() == at::kBFloat16 &&
           x.size(0) >= kManyRows && rowsBehindEachOther(x) && rowsBehindEachOther(weight) && hopperPaths();
}

void productOnDevice(const at::Tensor& x, const at::Tensor& weight, bool transposed, bool add,
                     at::Tensor& y) {
    if (suitsProductOnDevice(x, weight) && rowsBehindEachOther(y)) {
        const at::Tensor workspace = at::empty({kWorkspace}, like(x, at::kByte));
        const cuda::Product product{x.data_ptr(),
                                    weight.data_ptr(),
                                    y.data_ptr(),
                                    x.size(0),
                                    x.size(1),
                                    y.size(1),
                                    x.stride(0),
                                    weight.stride(0),
                                    y.stride(0),
                                    transposed,
                                    add ? 1.0F : 0.0F,
                                    workspace.data_ptr(),
                                    static_cast<std::size_t>(kWorkspace)};
        const int error = cudaTable().product(product, streamOf(x));
        if (error == 0) return;
        if (error != cuda::kNoProduct) failLaunch("product", error);
    }
    at::addmm_out(y, y, x, transposed ? weight.t() : weight, add ? 1 : 0, 1);
}

}  // namespace caravan::engine::ops
