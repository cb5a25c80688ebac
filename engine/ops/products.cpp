// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/few_rows.h"
#include "engine/ops/host_products.h"
#include "engine/ops/products_cuda.h"
#include "engine/ops/products_fp32.h"
#include "engine/ops/support.h"
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

constexpr std::int64_t kLibraryRows = 2;  // so few that laying a weight out costs more than it gains

// y = x weight^T (transposed) or x weight
at::Tensor product(const at::Tensor& x, const at::Tensor& weight, bool transposed) {
    if (!host::suits(x) || !host::sameKind(x, weight) || x.size(0) <= kLibraryRows ||
        weight.size(transposed ? 1 : 0) != x.size(1))
        return transposed ? at::mm(x, weight.t()) : at::mm(x, weight);
    at::Tensor y = at::empty({x.size(0), weight.size(transposed ? 0 : 1)}, x.options());
    host::multiply(x, weight, transposed, y);
    return y;
}

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight) {
    const PartScope scope(Part::Products);
    if (suitsProductOnDevice(x, weight)) {
        at::Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
        productOnDevice(x, weight, true, false, y);
        return y;
    }
    if (fp32::suits(x, weight, true)) {
        at::Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
        fp32::multiply(x, weight, true, y);
        return y;
    }
    return suitsFewRows(x, weight) ? fewRowsLinear(x, weight) : product(x, weight, true);
}
at::Tensor linearBackward(const at::Tensor& dy, const at::Tensor& weight) {
    const PartScope scope(Part::Products);
    if (suitsProductOnDevice(dy, weight)) {
        at::Tensor dx = at::empty({dy.size(0), weight.size(1)}, dy.options());
        productOnDevice(dy, weight, false, false, dx);
        return dx;
    }
    if (fp32::suits(dy, weight, false)) {
        at::Tensor dx = at::empty({dy.size(0), weight.size(1)}, dy.options());
        fp32::multiply(dy, weight, false, dx);
        return dx;
    }
    return product(dy, weight, false);
}

at::Tensor loraForward(at::Tensor& y, const at::Tensor& x, const at::Tensor& a, const at::Tensor& b, double s,
                       double p, const RandomKey& key) {
    require(a.dim() == 2 && a.size(1) == x.size(1), "loraForward", "A [rank, columns of x]", a);
    require(b.dim() == 2 && b.size(0) == y.size(1) && b.size(1) == a.size(0), "loraForward",
            "B [columns of y, rank]", b);
    const at::Tensor h = at::mm(dropout(x, p, key), a.to(x.scalar_type()).t());
    addProduct(y, h, b.to(x.scalar_type()).t(), s);
    return h;
}

void loraBackward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& h, const at::Tensor& a,
                  const at::Tensor& b, double s, double p, const RandomKey& key, at::Tensor& da,
                  at::Tensor& db, at::Tensor& dx) {
    const at::Tensor dh = at::mm(dy, b.to(dy.scalar_type())).mul_(s);
    addProduct(db, dy.t(), h, s);
    addProduct(da, dh.t(), dropout(x, p, key), 1);
    if (!dx.defined()) return;
    if (p == 0) {
        addProduct(dx, dh, a.to(dh.scalar_type()), 1);
    } else {
        dropoutAdd(dx, at::mm(dh, a.to(dh.scalar_type())), p, key);
    }
}

}  // namespace caravan::engine::ops
