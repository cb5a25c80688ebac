// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/lora_cuda.h"

#include <algorithm>

#include "engine/ops/dispatch.h"
#include "engine/ops/timeline.h"

namespace caravan::engine::ops {
namespace {

using Member = at::Tensor LoraPart::*;

// Rows of the same matrix of all parts, one below the other: a view where they lie so, else a copy.
bool adjacent(const LoraGroup& group, Member member) {
    for (std::size_t i = 0; i + 1 < group.parts.size(); ++i) {
        const at::Tensor &a = group.parts[i].*member, &b = group.parts[i + 1].*member;
        if (static_cast<const char*>(a.data_ptr()) + a.nbytes() != b.data_ptr()) return false;
    }
    return true;
}

at::Tensor stacked(const LoraGroup& group, Member member) {
    const at::Tensor& first = group.parts.front().*member;
    if (group.parts.size() == 1) return first;
    std::int64_t rows = 0;
    std::vector<at::Tensor> all;
    for (const LoraPart& part : group.parts) {
        rows += (part.*member).size(0);
        all.push_back(part.*member);
    }
    if (adjacent(group, member)) return first.as_strided({rows, first.size(1)}, {first.size(1), 1});
    return at::cat(all, 0);
}

std::int64_t ranks(const LoraGroup& group) {
    std::int64_t sum = 0;
    for (const LoraPart& part : group.parts)
        sum += part.a.size(0);
    return sum;
}

// Columns of a [T, sum of ranks] tensor, one view per part.
std::vector<at::Tensor> perPart(const at::Tensor& joined, const LoraGroup& group) {
    std::vector<at::Tensor> views;
    std::int64_t begin = 0;
    for (const LoraPart& part : group.parts) {
        views.push_back(joined.narrow(1, begin, part.a.size(0)));
        begin += part.a.size(0);
    }
    return views;
}

// The tensor that perPart cut.
at::Tensor joinedOf(const std::vector<at::Tensor>& views, std::int64_t columns) {
    const at::Tensor& first = views.front();
    return first.as_strided({first.size(0), columns}, {first.stride(0), 1});
}

at::Tensor columnsOf(const at::Tensor& y, const LoraPart& part) {
    return y.size(1) == part.b.size(0) ? y : y.narrow(1, part.begin, part.b.size(0));
}

// sum (fp32) += scale a b in one product
void addProduct(at::Tensor& sum, const at::Tensor& a, const at::Tensor& b, double scale) {
    at::addmm_out(sum, sum, a, b, at::kFloat, 1, scale);
}

// From here on the library's products of the unmasked input and of dy are as good as the own ones, which
// split the inner dimension where there are few tokens.
constexpr std::int64_t kManyTokens = 4096;

bool ownKernelsTake(const LoraGroup& group) {
    const LoraPart& first = group.parts.front();
    if (group.parts.size() > kernels::cuda::kLoraSites || first.a.size(1) % 128 != 0) return false;
    for (const LoraPart& part : group.parts)
        if (part.a.size(0) != kernels::cuda::kLoraRank || part.b.size(0) % 64 != 0 || part.begin % 8 != 0)
            return false;
    return true;
}

kernels::cuda::LoraSites sitesOf(const LoraGroup& group) {
    kernels::cuda::LoraSites sites{};
    for (const LoraPart& part : group.parts) {
        RandomKey key = group.key;
        key.site = part.site;
        sites.a[sites.count] = part.a.data_ptr();
        sites.mask[sites.count++] = dropoutMask(group.dropout, key);
    }
    sites.masked = group.dropout != 0;
    sites.hopper = hopperPaths();
    return sites;
}

bool rowsAligned(const at::Tensor& x) {
    return x.stride(1) == 1 && x.stride(0) % 8 == 0 &&
           reinterpret_cast<std::uintptr_t>(x.data_ptr()) % 16 == 0;
}

// A gradient of the rows' products with x, all but where it goes.
kernels::cuda::LoraGradient gradientOf(const at::Tensor& rows, const at::Tensor& x,
                                       const at::Tensor& scratch) {
    return {.rows = rows.data_ptr(),
            .x = x.data_ptr(),
            .rowStride = rows.stride(0),
            .xStride = x.stride(0),
            .tokens = x.size(0),
            .columns = x.size(1),
            .scratch = data<float>(scratch),
            .hopper = hopperPaths()};
}

at::Tensor scratchFor(const at::Tensor& x, std::int64_t columns, int sites) {
    return at::empty({cudaTable().loraGradientScratch(x.size(0), columns, sites)}, like(x, at::kFloat));
}

// dA of all parts in one pass over x; behind addGradientsOfB.
void addGradientsOfA(const at::Tensor& x, const at::Tensor& dh, const LoraGroup& group) {
    const auto sites = sitesOf(group);
    const at::Tensor scratch = scratchFor(x, x.size(1), sites.count);
    auto gradient = gradientOf(dh, x, scratch);
    for (int i = 0; i < sites.count; ++i) {
        gradient.sum[i] = data<float>(group.parts[static_cast<std::size_t>(i)].da);
        gradient.scale[i] = 1;
    }
    gradient.follows = true;
    checkLaunch("lora", cudaTable().loraGradient(gradient, sites, streamOf(x)));
}

// h of the parts lie beside each other, as perPart cut them.
bool besideEachOther(const std::vector<at::Tensor>& h) {
    for (std::size_t i = 1; i < h.size(); ++i)
        if (h[i].stride(0) != h[0].stride(0) ||
            h[i].data_ptr() != static_cast<const char*>(h[i - 1].data_ptr()) +
                                   kernels::cuda::kLoraRank * static_cast<std::int64_t>(h[0].element_size()))
            return false;
    return true;
}

// dB of the parts from begin to end, whose h lie beside each other, in one pass over their columns of dy.
void addGradientsOfB(const at::Tensor& dy, const std::vector<at::Tensor>& h, const LoraGroup& group,
                     std::size_t begin, std::size_t end) {
    kernels::cuda::LoraSites sites{};
    std::int64_t widest = 0;
    for (std::size_t i = begin; i < end; ++i)
        widest = std::max(widest, group.parts[i].b.size(0));
    const at::Tensor scratch = scratchFor(dy, widest, 1);
    auto gradient = gradientOf(h[begin], dy, scratch);
    gradient.transposed = true;
    for (std::size_t i = begin; i < end; ++i) {
        const LoraPart& part = group.parts[i];
        gradient.sum[sites.count] = data<float>(part.db);
        gradient.scale[sites.count] = static_cast<float>(part.scale);
        gradient.first[sites.count] = dy.size(1) == part.b.size(0) ? 0 : part.begin;
        gradient.width[sites.count++] = part.b.size(0);
    }
    checkLaunch("lora", cudaTable().loraGradient(gradient, sites, streamOf(dy)));
}

void addGradientsOfB(const at::Tensor& dy, const std::vector<at::Tensor>& h, const LoraGroup& group) {
    if (besideEachOther(h)) {
        addGradientsOfB(dy, h, group, 0, h.size());
        return;
    }
    for (std::size_t i = 0; i < h.size(); ++i)
        addGradientsOfB(dy, h, group, i, i + 1);
}

}  // namespace

bool suitsJoinedLora(const at::Tensor& x, const LoraGroup& group) {
    if (!x.is_cuda() || x.scalar_type() != at::kBFloat16 || group.parts.empty()) return false;
    for (const LoraPart& part : group.parts)
        if (part.a.scalar_type() != at::kBFloat16 || part.b.scalar_type() != at::kBFloat16 ||
            (part.da.defined() && part.da.scalar_type() != at::kFloat))
            return false;
    return group.dropout == 0 || (group.dropout < 0.99 && ownKernelsTake(group));
}

namespace {

// drop_i(x) A_i^T of all parts: [T, sum of ranks]
at::Tensor downOf(const at::Tensor& x, const LoraGroup& group) {
    const bool own = x.size(0) < kManyTokens && x.is_contiguous() && ownKernelsTake(group);
    if (group.dropout == 0 && !own) return at::mm(x, stacked(group, &LoraPart::a).t());
    require(x.is_contiguous(), "lora", "a contiguous input", x);
    at::Tensor joined = at::empty({x.size(0), ranks(group)}, x.options());
    const auto sites = sitesOf(group);
    const at::Tensor scratch =
        at::empty({cudaTable().loraDownScratch(x.size(0), x.size(1), sites.count)}, like(x, at::kFloat));
    checkLaunch("lora", cudaTable().loraDown(x.data_ptr(), sites, joined.data_ptr(), data<float>(scratch),
                                             x.size(0), x.size(1), streamOf(x)));
    return joined;
}

// y = beta y + the parts
void addUp(at::Tensor& y, const std::vector<at::Tensor>& h, const LoraGroup& group, double beta) {
    for (std::size_t i = 0; i < h.size(); ++i) {
        at::Tensor columns = columnsOf(y, group.parts[i]);
        at::addmm_out(columns, columns, h[i], group.parts[i].b.t(), beta, group.parts[i].scale);
    }
}

// All parts in one launch, h beside each other as perPart cut them: y = the parts (up), or y = the sum of h
// A. False: not this way.
bool spread(at::Tensor& y, const at::Tensor& h, const LoraGroup& group, bool up) {
    if (!hopperPaths() || !ownKernelsTake(group) || y.stride(1) != 1) return false;
    // 16,384 tokens of 4,096, three sites: 67 us, the library 59.
    if (!up && group.parts.size() > 2 && y.size(0) >= kManyTokens) return false;
    kernels::cuda::LoraSpread s{.h = h.data_ptr(),
                                .y = y.data_ptr(),
                                .hStride = h.stride(0),
                                .yStride = y.stride(0),
                                .tokens = y.size(0),
                                .up = up};
    for (const LoraPart& part : group.parts) {
        const at::Tensor& weight = up ? part.b : part.a;
        if (!weight.is_contiguous()) return false;
        s.weight[s.count] = weight.data_ptr();
        s.first[s.count] = up && y.size(1) != part.b.size(0) ? part.begin : 0;
        s.width[s.count] = weight.size(up ? 0 : 1);
        s.scale[s.count++] = static_cast<float>(part.scale);
    }
    const int error = cudaTable().loraSpread(s, streamOf(y));
    if (error == kernels::cuda::kLoraNotTaken) return false;
    checkLaunch("lora", error);
    return true;
}

// s dy_i B_i of all parts: [T, sum of ranks]
at::Tensor gradientOfDown(const at::Tensor& dy, const LoraGroup& group) {
    const at::Tensor joined = at::empty({dy.size(0), ranks(group)}, dy.options());
    std::vector<at::Tensor> dh = perPart(joined, group);
    for (std::size_t i = 0; i < dh.size(); ++i)
        at::addmm_out(dh[i], dh[i], columnsOf(dy, group.parts[i]), group.parts[i].b, 0, group.parts[i].scale);
    return joined;
}

// dx = (dx if add) + the parts' masked dh_i A_i
void inputGradient(const at::Tensor& joined, const LoraGroup& group, bool add, at::Tensor& dx) {
    require(dx.is_contiguous(), "lora", "a contiguous gradient", dx);
    checkLaunch("lora", cudaTable().loraInput(joined.data_ptr(), sitesOf(group), dx.data_ptr(), dx.size(0),
                                              dx.size(1), add, streamOf(dx)));
}

}  // namespace

std::vector<at::Tensor> loraForwardOnDevice(at::Tensor& y, const at::Tensor& x, const LoraGroup& group) {
    std::vector<at::Tensor> h = perPart(downOf(x, group), group);
    addUp(y, h, group, 1);
    return h;
}

at::Tensor startWithLora(const at::Tensor& x, const LoraGroup& group, std::vector<at::Tensor>& h) {
    const PartScope scope(Part::Lora);
    std::int64_t columns = 0;
    for (const LoraPart& part : group.parts)
        columns += part.b.size(0);
    at::Tensor y = at::empty({x.size(0), columns}, x.options());
    const at::Tensor joined = downOf(x, group);
    h = perPart(joined, group);
    if (!spread(y, joined, group, true)) addUp(y, h, group, 0);
    return y;
}

std::vector<at::Tensor> loraBackwardInputOnDevice(const at::Tensor& dy, const LoraGroup& group,
                                                  at::Tensor& dx) {
    const at::Tensor joined = gradientOfDown(dy, group);
    if (dx.defined() && group.dropout == 0)
        at::addmm_out(dx, dx, joined, stacked(group, &LoraPart::a), 1, 1);
    else if (dx.defined())
        inputGradient(joined, group, true, dx);
    return perPart(joined, group);
}

at::Tensor startBackwardWithLora(const at::Tensor& dy, const LoraGroup& group, std::vector<at::Tensor>& dh) {
    const PartScope scope(Part::Lora);
    const at::Tensor joined = gradientOfDown(dy, group);
    dh = perPart(joined, group);
    at::Tensor dx = at::empty({dy.size(0), group.parts.front().a.size(1)}, dy.options());
    if (group.dropout == 0) {
        if (!spread(dx, joined, group, false)) at::mm_out(dx, joined, stacked(group, &LoraPart::a));
        return dx;
    }
    inputGradient(joined, group, false, dx);
    return dx;
}

void loraBackwardParametersOnDevice(const at::Tensor& dy, const at::Tensor& x,
                                    const std::vector<at::Tensor>& h, const std::vector<at::Tensor>& dh,
                                    const LoraGroup& group) {
    const at::Tensor joined = joinedOf(dh, ranks(group));
    if (ownKernelsTake(group) && x.is_contiguous() && rowsAligned(dy)) {
        addGradientsOfB(dy, h, group);
        addGradientsOfA(x, joined, group);
        return;
    }
    for (std::size_t i = 0; i < h.size(); ++i) {
        at::Tensor db = group.parts[i].db;
        addProduct(db, columnsOf(dy, group.parts[i]).t(), h[i], group.parts[i].scale);
    }
    if (group.parts.size() == 1 || adjacent(group, &LoraPart::da)) {
        at::Tensor da = stacked(group, &LoraPart::da);
        addProduct(da, joined.t(), x, 1);
        return;
    }
    for (std::size_t i = 0; i < dh.size(); ++i) {
        at::Tensor da = group.parts[i].da;
        addProduct(da, dh[i].t(), x, 1);
    }
}

}  // namespace caravan::engine::ops
